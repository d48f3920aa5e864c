"""A provider at which people sign in, as a process of its own: OpenID Connect, and WeCom and DingTalk as documented."""
