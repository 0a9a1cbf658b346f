-- Who leads: a row that upstream has too, with a term and an expiry, and the history of it. One row: a moment's work.

--: active_instance | ACCESS EXCLUSIVE | instant
ALTER TABLE active_instance
    ADD COLUMN term bigint,
    ADD COLUMN name text,
    ADD COLUMN acquired timestamp without time zone,
    ADD COLUMN expires timestamp without time zone;

--: lease_history | a new table | instant
CREATE TABLE lease_history (
    term     bigint PRIMARY KEY,
    identity bytea NOT NULL,
    name     text NOT NULL,
    started  timestamp without time zone NOT NULL,
    ended    timestamp without time zone,
    reason   text NOT NULL DEFAULT ''
);

-- Upstream's orchestrators know neither terms nor expiry. What they do to the lease row is completed here, so that either kind sees the other: a
-- change of holder waits for the writes made under the old term (which hold the row FOR KEY SHARE), then gets a term; a ping moves the expiry by
-- upstream's default leader_grace_period. Our own statements set term or expires themselves and pass the triggers by.
-- They run with the rights and the search path of who migrates: upstream's account need not be able to write our tables.
--: lease_history | ROW EXCLUSIVE | one row
INSERT INTO lease_history (term, identity, name, started)
    SELECT 1, identity, 'upstream', last_ping FROM active_instance WHERE identity IS NOT NULL AND last_ping IS NOT NULL;
--: active_instance | ROW EXCLUSIVE | one row
UPDATE active_instance SET term = 1, name = 'upstream', acquired = last_ping, expires = clock_timestamp() AT TIME ZONE 'UTC' + interval '300 seconds';

--: a function | none | instant
CREATE FUNCTION drydock_upstream_lease() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    now_utc timestamp := clock_timestamp() AT TIME ZONE 'UTC';
BEGIN
    -- From now, not from last_ping: that is by the client's clock, and in the time zone of upstream's session.
    NEW.expires := now_utc + interval '300 seconds';
    IF TG_OP = 'UPDATE' THEN
        IF NEW.identity IS NOT DISTINCT FROM OLD.identity THEN
            IF OLD.name IS DISTINCT FROM 'upstream' THEN
                NEW.expires := OLD.expires; -- ours is extended by ours only
            END IF;
            RETURN NEW;
        END IF;
        IF OLD.name IS DISTINCT FROM 'upstream' AND OLD.expires > now_utc THEN
            RETURN NULL; -- ours leads, however old its last ping: upstream's claim finds the row unchanged, and is refused
        END IF;
        PERFORM 1 FROM active_instance WHERE dummy_key = OLD.dummy_key FOR UPDATE;
    END IF;
    NEW.name := 'upstream';
    NEW.acquired := now_utc;
    SELECT coalesce(max(term), 0) + 1 INTO NEW.term FROM lease_history;
    RETURN NEW;
END
$$;
--: active_instance | SHARE ROW EXCLUSIVE | instant
CREATE TRIGGER drydock_upstream_takes BEFORE INSERT ON active_instance FOR EACH ROW
    WHEN (NEW.term IS NULL) EXECUTE FUNCTION drydock_upstream_lease();
--: active_instance | SHARE ROW EXCLUSIVE | instant
CREATE TRIGGER drydock_upstream_pings BEFORE UPDATE ON active_instance FOR EACH ROW
    WHEN (NEW.term IS NOT DISTINCT FROM OLD.term
        AND (NEW.identity IS DISTINCT FROM OLD.identity OR NEW.expires IS NOT DISTINCT FROM OLD.expires))
    EXECUTE FUNCTION drydock_upstream_lease();

-- The history is written once the row is: upstream's claim is an INSERT that mostly meets a conflict, and the trigger before it runs even then.
--: a function | none | instant
CREATE FUNCTION drydock_upstream_led() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    UPDATE lease_history SET ended = NEW.acquired, reason = 'expired' WHERE ended IS NULL AND term < NEW.term;
    INSERT INTO lease_history (term, identity, name, started) VALUES (NEW.term, NEW.identity, NEW.name, NEW.acquired) ON CONFLICT (term) DO NOTHING;
    RETURN NULL;
END
$$;
--: active_instance | SHARE ROW EXCLUSIVE | instant
CREATE TRIGGER drydock_upstream_took AFTER INSERT ON active_instance FOR EACH ROW
    WHEN (NEW.name = 'upstream') EXECUTE FUNCTION drydock_upstream_led();
--: active_instance | SHARE ROW EXCLUSIVE | instant
CREATE TRIGGER drydock_upstream_took_over AFTER UPDATE ON active_instance FOR EACH ROW
    WHEN (NEW.name = 'upstream' AND NEW.term IS DISTINCT FROM OLD.term) EXECUTE FUNCTION drydock_upstream_led();

--: a function | none | instant
CREATE FUNCTION drydock_upstream_leaves() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    UPDATE lease_history SET ended = clock_timestamp() AT TIME ZONE 'UTC', reason = 'released' WHERE term = OLD.term AND ended IS NULL;
    RETURN OLD;
END
$$;
--: active_instance | SHARE ROW EXCLUSIVE | instant
CREATE TRIGGER drydock_upstream_leaves BEFORE DELETE ON active_instance FOR EACH ROW EXECUTE FUNCTION drydock_upstream_leaves();
