"""A merchant's shop, as small as it can be: it creates intents and believes only signed webhooks."""
