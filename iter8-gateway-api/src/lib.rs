//! Renders iter8 routing plans as Gateway API routes, for service meshes and gateways
