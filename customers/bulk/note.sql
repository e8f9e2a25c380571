-- Write down what became of some items of a batch.
UPDATE customers_batchitem item
SET result = noted.result, why = noted.why::jsonb
FROM unnest(%(positions)s::integer[], %(results)s::text[], %(whys)s::text[])
    AS noted (position, result, why)
WHERE item.batch_id = %(batch)s::uuid AND item.position = noted.position
  AND (item.result, item.why) IS DISTINCT FROM (noted.result, noted.why::jsonb)
RETURNING item.position
