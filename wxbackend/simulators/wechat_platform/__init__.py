"""The WeChat platform as a merchant meets it: web OAuth, mini program login and access tokens."""
