-- A sign-up ends in a browser, at Meta; nobody tells Portico which numbers a plugin got by it. A plugin whose connect
-- began lately is therefore read anew when a call names a number or WABA that nobody knows.

-- When a connect token for it was last given out; null: never, or before this column was there.
alter table plugins add column connect_began_at timestamptz;
