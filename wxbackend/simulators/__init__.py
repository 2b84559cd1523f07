"""The other side of the wire, WeChat Pay and the WeChat platform; it imports nothing else of wxbackend."""
