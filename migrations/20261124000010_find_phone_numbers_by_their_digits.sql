-- The digits of a number as people write it: what a look-up compares. A stored column, because
-- row-level security lets an index serve only comparisons that cannot leak, and an expression with
-- regexp_replace could. Postgres keeps it true by itself, so replicas of the version before go on.
alter table phone_numbers
    add column display_digits text generated always as (regexp_replace(display_phone_number, '[^0-9]', '', 'g')) stored;
create index phone_numbers_display_digits on phone_numbers (tenant_id, display_digits);
-- From a WABA to its numbers.
create index phone_numbers_waba on phone_numbers (tenant_id, waba_id);
