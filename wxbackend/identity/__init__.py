"""WeChat log-in: a code becomes an openid. The only room that imports wechatpy."""
