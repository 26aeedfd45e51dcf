"""The tables of a report: what each holds, and how it is computed of the files of a backtest."""

from typing import Final

from streams.report.tables.table import Table, nothing

_OF_A_GROUP: Final = (
    "group count customers churned mean_risk auc auc_low auc_high log_loss precision recall"
)

#: Every table by name; docs/backtest.md says what is in each.
TABLES: Final = {
    "summary": Table("metric value low high", nothing),
    "models": Table(
        "model count churned auc pr_auc log_loss brier ece precision_top_tenth", nothing
    ),
    "roc": Table("model false_positive_rate true_positive_rate threshold", nothing),
    "precision_recall": Table("model recall precision threshold", nothing),
    "calibration": Table("low high count predicted observed observed_low observed_high", nothing),
    "gains": Table("tenth count churned lift reached captured lift_so_far", nothing),
    "budgets": Table("alerts_per_day alerts churned precision recall", nothing),
    "confusion": Table(
        "threshold alerted_churned alerted_stayed missed_churned passed_stayed "
        "accuracy precision recall f1",
        nothing,
    ),
    "thresholds": Table("threshold alerts alerts_per_day accuracy precision recall f1", nothing),
    "over_time": Table(
        "period count churned auc auc_low auc_high pr_auc log_loss log_loss_low log_loss_high "
        "brier",
        nothing,
    ),
    "lead_time": Table("lead_days bin_days alerts", nothing),
    "lead_summary": Table("alerts median_days share_before_gone", nothing),
    "drift": Table("at detector before after", nothing),
    "importance": Table("kind code mean mean_abs", nothing),
    "reasons": Table("code decisions alerts share", nothing),
    "by_segment": Table(_OF_A_GROUP, nothing),
    "by_tenure": Table(_OF_A_GROUP, nothing),
    "by_cohort": Table(_OF_A_GROUP, nothing),
    "retention": Table("cohort customers month active share", nothing),
    "survival": Table("days alive low high", nothing),
    "stories": Table("customer kind first_at segment", nothing),
    "story_events": Table("customer at type amount", nothing),
    "story_risks": Table("customer at risk cause alert label", nothing),
    "profit": Table("threshold alerts foreseen found", nothing),
    "choice": Table(
        "best_threshold best_profit break_even calibrated_profit capacity_threshold "
        "within_threshold within_profit",
        nothing,
    ),
    "landmarks": Table(
        "at count churned auc pr_auc precision_top_tenth log_loss brier ece", nothing
    ),
    "configuration": Table("key value", nothing),
    "data": Table("key value", nothing),
}

__all__ = ["TABLES", "Table"]
