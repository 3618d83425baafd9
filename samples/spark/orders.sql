-- From orders to rows in the shape of /track. A column that is null is left out.
SELECT
  'Order Placed' AS event,
  unix_millis(to_timestamp(created_at)) AS time,
  -- The event's own id, made of what names the order: the same on every attempt, on whatever machine.
  sha2(concat_ws('|', 'orders', order_id), 256) AS distinctId,
  customer_id AS externalId,
  email,
  named_struct(
    'order_id', order_id,
    'total', CAST(total AS DOUBLE),
    'quantity', CAST(quantity AS INT)
  ) AS eventProperties
FROM source
