//! Declares, validates, plans and explains canary releases: the pure core of iter8
