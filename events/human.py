"""Was it a person? What opens mails and follows links is often a machine.

Mail filters follow the links of a mail before anybody sees it, and some
mail programs load all images of all mails. What names itself is told from
its user agent; what passes for a browser is not, and `workers/heard.py`
also looks at how soon after the mail it came.

Sources, as of 2026:
- Gmail loads images ahead of the reader with one fixed, outdated browser
  name, other than its image proxy, which loads when a mail is looked at:
  https://bird.com/en-us/blog/gmail-prefetching-images
- Apple's Mail Privacy Protection loads every image, with `Mozilla/5.0` and
  nothing behind it: https://wordtothewise.com/2021/09/apple-mpp/ and
  https://help.socketlabs.com/docs/identifying-apple-mpp-opens-in-notification-api-events
- Names of scanners, previews and libraries:
  https://suped.com/learn/email-deliverability/how-can-i-identify-bot-user-agents-in-my-email-click-data
  and https://check.live-direct-marketing.online/blog/bot-clicks-security-scanners-detect
"""

import re
from typing import Literal

By = Literal["machine", "person"]

_LONGEST = 1024

# Image proxies that fetch when a person looks; they hide who it was, not that it was.
_FOR_A_PERSON = re.compile(r"GoogleImageProxy|YahooMailProxy", re.IGNORECASE)

# Mail Privacy Protection says this much and no more.
_BARE = re.compile(r"Mozilla/[45]\.0(?: \(compatible\))?")
_GMAIL_AHEAD = "Chrome/42.0.2311.135 Safari/537.36 Edge/12.246 Mozilla/5.0"

_MACHINE = re.compile(
    # Filters that name themselves.
    r"barracuda|proofpoint|mimecast|ironport|ciscosecureemail|fortimail|fortiguard|sophos"
    r"|trend ?micro|\btmes\b|symantec|messagelabs|zscaler|forcepoint|websense|trustwave"
    r"|mailscanner|vade ?secure|cloudmark|checkpoint|safelinks|urldefense"
    # Previews, crawlers and monitors.
    r"|bingpreview|skypeuripreview|slackbot|slack-imgproxy|linkedinbot|twitterbot|facebookexternal"
    r"|whatsapp|telegrambot|discordbot|snap url preview|iframely|embedly"
    r"|(?<!cu)bot\b|\bbots\b|crawl|spider|preview|scanner|\bscan\b|prefetch|monitor|uptime|validator"
    # Browsers without a person in front, and libraries.
    r"|headless|phantomjs|puppeteer|playwright|selenium|electron-fetch"
    r"|python|aiohttp|httpx|urllib|curl|wget|libwww|lwp::|java/|jakarta|apache-httpclient|okhttp"
    r"|go-http-client|node-fetch|axios|undici|guzzle|ruby|faraday|winhttp|powershell|lua-resty"
    r"|http_request|httpclient|postman|insomnia|jetty",
    re.IGNORECASE,
)


def scored_by(user_agent: str, method: str = "GET") -> By:
    """Who fetched a pixel or followed a link, as far as the request itself tells. Pure.

    A request that only asks for the head, or that does not say what it
    comes from, is no person's.
    """
    agent = user_agent[:_LONGEST].strip()
    if method.upper() != "GET" or not agent:
        return "machine"
    if _FOR_A_PERSON.search(agent):
        return "person"
    if _BARE.fullmatch(agent) or _GMAIL_AHEAD in agent or _MACHINE.search(agent):
        return "machine"
    return "person"
