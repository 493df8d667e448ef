//! One HTTP client for all: offline guard, proxies, retries, redaction of secrets.
