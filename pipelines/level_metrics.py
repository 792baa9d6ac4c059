"""What the operators of a node may count: a function of the internal level."""


def metrics_function(here: str, layers: str) -> str:
    """The statement that makes the function in the schema ``here``; ``layers`` are their names, in quotes."""
    seen = f"layer = ANY(ARRAY[{layers}]::text[])"
    return f"""
        CREATE FUNCTION {here}.node_metrics() RETURNS TABLE (metric text, one text, other text, value float8)
        LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
            SELECT 'jobs', level, state, count(*) FROM registry.job GROUP BY level, state
            UNION ALL SELECT 'sessions', usename, COALESCE(state, 'unknown'), count(*)
                FROM pg_stat_activity WHERE datname = current_database() GROUP BY usename, state
            UNION ALL SELECT 'runs', feed, state, count(*) FROM registry.run GROUP BY feed, state
            UNION ALL SELECT 'features', layer, '', rows FROM registry.head WHERE {seen}
            UNION ALL SELECT 'stand', layer, '', extract(epoch FROM stand) FROM registry.head WHERE {seen}
            UNION ALL SELECT 'published', layer, '', extract(epoch FROM published_at)
                FROM registry.head WHERE {seen}
        $$
    """
