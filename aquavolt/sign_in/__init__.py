"""Providers at which people sign in: OpenID Connect, WeCom, DingTalk. The pages know them as `api.sign_in.Way`."""
