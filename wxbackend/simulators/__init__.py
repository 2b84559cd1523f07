"""The other side of the wire: WeChat Pay and the WeChat platform, played on loopback; it imports nothing else of wxbackend."""
