//! Black-box suites: each drives a running `portico dev` from outside, over HTTP and signals only.
//!
//! A test owns one instance and makes the tenants that it needs inside it; a start costs seconds, so
//! the checks of one subject share one. To cover a new subject, add a module with one test. A new
//! operation in Chakra's catalogue is covered by `catalogue_sweep` without any change here.

mod api_key_life;
mod api_keys_and_roles;
mod audit;
mod audit_coverage;
mod backups;
mod bad_input_compatible;
mod bad_input_management;
mod behind_a_proxy;
mod callers_who_leave;
mod catalogue_sweep;
mod chakra_key_switch;
mod chakra_keys;
mod conformance;
mod crash;
mod crossing;
mod customers;
mod dev_lifecycle;
mod documented_commands;
mod edge;
mod effect;
mod envelope;
mod fairness;
mod harness;
mod hooks_in;
mod isolation;
mod leaked_keys;
mod limited_keys;
mod lookup;
mod members;
mod onboarding;
mod partner_flow;
mod plugins;
mod provider_sign_in;
mod replicas;
mod request_log;
mod retry_safety;
mod secrets;
mod session;
mod shared_team;
mod sign_in_attacks;
mod sign_in_links;
mod sign_in_with_a_browser;
mod slow_clients;
mod surfaces;
mod team_in_use;
mod tenant_life;
mod tenants;
mod timing;
mod token_verifiers;
mod tokens;
mod typescript_clients;
mod upstream_failures;
mod vault_providers;
mod vault_rotation;
mod wall;
