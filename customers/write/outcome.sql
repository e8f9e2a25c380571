-- What became of each wish, or else the problems that kept the whole batch out.
SELECT wish.n,
    CASE WHEN changed.n IS NULL THEN 'unchanged' WHEN changed.is_new THEN 'created' ELSE 'updated' END AS kind,
    wish.customer_id, NULL AS key, NULL AS code, changed.changes::text, {version} AS version, {json} AS json
FROM wish
LEFT JOIN changed ON changed.n = wish.n
{form}
WHERE NOT EXISTS (SELECT FROM problem)
UNION ALL
SELECT n, kind, NULL, key, code, NULL, NULL, NULL
FROM problem
ORDER BY 1
