internal import AsyncHTTPClient
internal import NIOHTTP2
internal import Logging
enum P {}
