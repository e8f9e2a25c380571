-- What became of each wish, or else the problems that kept the whole batch out.
SELECT wish.n,
    CASE
        WHEN changed.n IS NULL THEN 'unchanged'
        WHEN wish.stored_id IS NULL THEN 'created'
        ELSE 'updated'
    END AS kind,
    wish.customer_id, NULL AS key, NULL AS code, changed.changes, {version} AS version, {json} AS json
FROM wish
LEFT JOIN changed ON changed.n = wish.n
{form}
WHERE (SELECT yes FROM allowed)
UNION ALL
SELECT problem.n, problem.kind, NULL, problem.key, problem.code, NULL, NULL, NULL
FROM problem
ORDER BY n
