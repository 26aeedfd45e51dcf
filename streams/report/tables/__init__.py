"""The tables of a report: what each holds, and how it is computed of the files of a backtest."""

from typing import Final

from streams.report.tables import (
    alerting,
    groups,
    lead_time,
    money,
    over_time,
    quality,
    reasons,
    staying,
    stories,
    told,
)
from streams.report.tables.table import Table

_OF_A_GROUP: Final = (
    "group count customers churned mean_risk auc auc_low auc_high log_loss precision recall"
)

#: Every table by name; docs/backtest.md says what is in each.
TABLES: Final = {
    "summary": Table("metric value low high", quality.summary),
    "models": Table(
        "model count churned auc pr_auc log_loss brier ece precision_top_tenth", quality.models
    ),
    "roc": Table("model false_positive_rate true_positive_rate threshold", quality.roc),
    "precision_recall": Table("model recall precision threshold", quality.precision_recall),
    "calibration": Table(
        "low high count predicted observed observed_low observed_high", quality.calibrated
    ),
    "gains": Table("tenth count churned lift reached captured lift_so_far", alerting.gained),
    "budgets": Table("alerts_per_day alerts churned precision recall", alerting.budgets),
    "confusion": Table(
        "threshold alerted_churned alerted_stayed missed_churned passed_stayed "
        "accuracy precision recall f1",
        alerting.confused,
    ),
    "thresholds": Table(
        "threshold alerts alerts_per_day accuracy precision recall f1", alerting.thresholds
    ),
    "over_time": Table(
        "period count churned auc auc_low auc_high pr_auc log_loss log_loss_low log_loss_high "
        "brier",
        over_time.over_time,
    ),
    "lead_time": Table("lead_days bin_days alerts", lead_time.lead_time),
    "lead_summary": Table("alerts median_days share_before_gone gone", lead_time.lead_summary),
    "drift": Table("at detector before after", over_time.drift),
    "importance": Table("kind code mean mean_abs", reasons.importance),
    "reasons": Table("code decisions alerts share", reasons.reasons),
    "by_segment": Table(_OF_A_GROUP, groups.by_segment),
    "by_tenure": Table(_OF_A_GROUP, groups.by_tenure),
    "by_cohort": Table(_OF_A_GROUP, groups.by_cohort),
    "retention": Table("cohort customers month active share", staying.retention),
    "survival": Table("days alive low high", staying.survived),
    "stories": Table("customer kind first_at segment", stories.stories),
    "story_events": Table("customer at type amount", stories.story_events),
    "story_risks": Table("customer at risk cause alert label", stories.story_risks),
    "profit": Table("threshold alerts foreseen found", money.profit),
    "choice": Table(
        "best_threshold best_profit break_even calibrated_profit capacity_threshold "
        "within_threshold within_profit",
        money.choice,
    ),
    "landmarks": Table(
        "at count churned auc pr_auc precision_top_tenth log_loss brier ece", quality.landmarks
    ),
    "configuration": Table("key value", told.configuration),
    "data": Table("key value", told.data),
}

__all__ = ["TABLES", "Table"]
