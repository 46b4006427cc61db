-- What ends with a member's means of signing in: sign-ins that are under way, and tokens.

-- Counts the changes of password and account, so that a sign-in proved before one is not ended after it.
alter table members add column sign_in_epoch bigint not null default 0;
-- Tokens minted by the member before this are not taken; null: all are.
alter table members add column tokens_not_before timestamptz;
