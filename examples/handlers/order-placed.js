import { defineHandler } from 'keypost'
import { Type } from 'typebox'

/** Sums up an order. Whoever posts one that does not fit the schema is told at once, with 422. */
export default defineHandler({
  topic: 'orders',
  type: 'order.placed',
  schema: Type.Object(
    {
      customer: Type.String({ minLength: 1 }),
      items: Type.Array(
        Type.Object({
          sku: Type.String(),
          quantity: Type.Integer({ minimum: 1 }),
          price: Type.Number({ minimum: 0 }),
        }),
        { minItems: 1 },
      ),
    },
    { additionalProperties: false },
  ),
  handle: ({ data }, { log }) => {
    const total = data.items.reduce((sum, { quantity, price }) => sum + quantity * price, 0)
    log.info({ total }, 'an order was placed')
    return { total }
  },
})
