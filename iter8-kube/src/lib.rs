//! The controller of iter8: observes, applies and reports, generic over the routing backend
