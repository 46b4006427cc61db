-- A role that backups are read by. Row-level security is forced on the owner too, so without it only a superuser
-- could read everything, and many hosted servers have none to give. It reads every row of every table, and writes none.
-- Nobody is a member until `portico migrate --grant-backup-to ROLE`.
--
-- Roles belong to the whole server, so another database may have made it, even at this moment.
do $$
begin
    if not exists (select 1 from pg_roles where rolname = 'portico_backup') then
        begin
            create role portico_backup nologin nosuperuser nocreatedb nocreaterole nobypassrls;
        exception
            when duplicate_object or unique_violation then null;
        end;
    end if;
end
$$;

grant usage on schema public to portico_backup;

-- Lets the role read what it cannot read yet. `portico migrate` calls it at its end, so that a new table needs no
-- statement of its own for this.
create procedure portico_let_backups_read()
    language plpgsql set search_path = public, pg_temp
    as $$
declare
    target record;
begin
    for target in
        select c.oid::regclass as name, c.relrowsecurity as is_fenced
        from pg_class c
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
            -- Whose rights somebody else gives is not for us to say.
            and pg_has_role(c.relowner, 'usage')
        order by c.relname
    loop
        if not has_table_privilege('portico_backup', target.name, 'select') then
            execute format('grant select on %s to portico_backup', target.name);
        end if;
        if target.is_fenced and not exists (
            select 1 from pg_policy p
            where p.polrelid = target.name and p.polname = 'backup'
        ) then
            execute format('create policy backup on %s for select to portico_backup using (true)', target.name);
        end if;
    end loop;
end
$$;
revoke all on procedure portico_let_backups_read() from public;
