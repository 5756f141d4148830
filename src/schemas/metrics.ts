import { Type } from 'typebox'

export const Exposition = Type.String({
  $id: 'Exposition',
  description: 'The text format of Prometheus, version 0.0.4.',
  examples: ['keypost_events_processed_total{topic="key_submission",type="key.submitted"} 12\n'],
})
