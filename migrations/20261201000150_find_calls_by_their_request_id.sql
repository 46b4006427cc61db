-- no-transaction
-- Whoever has the request id of an answer finds the call in the log. Concurrently, because the table grows with
-- traffic and every call writes to it.
create index concurrently requests_request_id on requests (tenant_id, request_id);
