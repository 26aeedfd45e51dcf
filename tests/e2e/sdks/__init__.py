"""The stock SDKs, as they are published, against a collector that is well and one that is not."""
