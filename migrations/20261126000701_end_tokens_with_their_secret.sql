-- A key that gets another secret without an overlap takes back what its former secrets minted: tokens
-- from this second or before are refused. Null: none are.
alter table api_keys add column tokens_not_before timestamptz;
