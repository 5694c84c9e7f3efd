"""The errors of the providers that speak OpenAI's protocol, in the manner of model_errors."""

# ruff: noqa: E501 - the providers' own sentences, and one error in a row

from __future__ import annotations

from datetime import UTC, datetime

from bot.errors import ContextFull, KeyRefused, ModelMissing, NoCredit, Overloaded, RateLimited, Refused, Unavailable
from tests.model_errors import BAD, DATE, Said, nvidia, openai, router

QUOTA = "You exceeded your current quota, please check your plan and billing details."
TPM = "Rate limit reached for gpt-4o in organization org-uVqpjtJiKqvVJMVfvpaounIh on tokens per min (TPM): Limit 30000, Used 29937"
BIG = "Request too large for gpt-4o in organization org-VDAWofJASuLH0vVz8o9tiQZr on tokens per min (TPM): Limit 30000, Requested 30601."
REDUCE = " The input or output tokens must be reduced in order to run successfully."
LENGTH = "This model's maximum context length is 128000 tokens. However, your messages resulted in 204308 tokens."
SHORTER = " Please reduce the length of the messages."
BUSY = "That model is currently overloaded with other requests. You can retry your request."
GROQ_BIG = (
    "Request too large for model `llama-3.1-8b-instant` in organization `org_01k` service tier `on_demand` on tokens per "
    "minute (TPM): Limit 6000, Requested 12328, please reduce your message size and try again."
)
GROQ_TPM = (
    "Rate limit reached for model `llama-3.1-8b-instant` in organization `org_01j5b4pz9jff492fq686vypsx6` service tier "
    "`on_demand` on tokens per minute (TPM): Limit 6000, Used 5034, Requested 1443. Please try again in 4.77s."
)
AFFORD = "This request requires more credits, or fewer max_tokens. You requested up to 65536 tokens, but can only afford 3919."
FREE = "Rate limit exceeded: free-models-per-day. Add 10 credits to unlock 1000 free model requests per day"
RESET = int(datetime(2026, 11, 21, 12, 10, tzinfo=UTC).timestamp())
CODES = "platform.openai.com/docs/guides/error-codes"
GROQ = "console.groq.com/docs/errors"
ROUTER = "openrouter.ai/docs/api/reference/errors-and-debugging"
EXPIRED = "Account 'x': Cloud credits expired - Please contact NVIDIA representatives"

OPENAI = (
    Said("openai", 429, openai(QUOTA, "insufficient_quota", "insufficient_quota"), NoCredit, "OpenHands/OpenHands#998"),
    Said("openai", 429, openai(QUOTA, "insufficient_quota"), NoCredit, "ayaka14732/ChatGPTAPIFree#16"),
    Said("openai", 400, openai("Billing hard limit has been reached", BAD, "billing_hard_limit_reached"), NoCredit, CODES),
    Said("openai", 429, openai("Your account is not active.", "billing_not_active", "billing_not_active"), NoCredit, CODES),
    Said("openai", 402, openai("Payment required"), NoCredit, CODES),
    Said("openai", 401, openai("Incorrect API key provided: sk-te*****ey.", BAD, "invalid_api_key"), KeyRefused, CODES),
    Said("openai", 401, openai("You must be a member of an organization to use the API", BAD), KeyRefused, CODES),
    Said(
        "openai", 403, openai("Project `p` does not have access to model `gpt-6`", BAD, "model_not_found"), ModelMissing, CODES
    ),
    Said("openai", 403, openai("Country, region, or territory not supported", "request_forbidden"), Unavailable, CODES),
    Said("openai", 404, openai("The model `gpt-9` does not exist", BAD, "model_not_found"), ModelMissing, CODES),
    Said("openai", 400, openai("Unsupported parameter: 'max_tokens'", BAD, "unsupported_parameter"), Refused, CODES),
    Said("openai", 400, openai("max_tokens is too large: 99999. This model supports at most 16384", BAD), Refused, CODES),
    Said("openai", 400, openai(LENGTH + SHORTER, BAD, "context_length_exceeded"), ContextFull, "webtimemachine/wtm2#579"),
    Said("openai", 429, openai(BIG + REDUCE, "tokens", "rate_limit_exceeded"), ContextFull, "DrShushen/climb#13"),
    Said(
        "openai",
        429,
        openai(BIG + REDUCE, "tokens", "rate_limit_exceeded"),
        Refused,
        "the answer alone is too large",
        max_output=30_000,
    ),
    Said(
        "openai",
        429,
        openai(f"{TPM}, Requested 385. Please try again in 644ms.", "tokens", "rate_limit_exceeded"),
        RateLimited,
        "BuilderIO/micro-agent#86",
        wait=0.644,
    ),
    Said(
        "openai",
        429,
        openai(
            "Rate limit reached for gpt-4 on requests per day. Please try again in 7m12.5s.", "requests", "rate_limit_exceeded"
        ),
        RateLimited,
        "FoundationAgents/MetaGPT#523",
        wait=432.5,
    ),
    *(
        Said(
            "openai",
            429,
            openai("Rate limit reached", "requests", "rate_limit_exceeded"),
            RateLimited,
            f"{name} {word}",
            {name: word},
            wait,
        )
        for name, word, wait in (
            ("retry-after-ms", "1500", 1.5),
            ("retry-after-ms", "-1", None),
            ("retry-after", "20", 20),
            ("x-ratelimit-reset-tokens", "6m0s", None),  # the double says that tokens remain
            ("retry-after", "a while", None),
        )
    ),
    *(
        Said(
            "openai",
            429,
            openai("Rate limit reached", "tokens", "rate_limit_exceeded"),
            RateLimited,
            f"reset {word}",
            {"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": word},
            wait,
        )
        for word, wait in (
            ("6m0s", 360),
            ("1s", 1),
            ("7.66s", 7.66),
            ("120ms", 0.12),
            ("1h2m3s", 3723),
            ("2m59.56s", 179.56),
            ("x", None),
        )
    ),
    Said("openai", 429, openai("Please slow down", "rate_limit_error"), RateLimited, "a limit, whatever its words"),
    Said("openai", 429, openai(BUSY, "server_error"), Overloaded, "waylaidwanderer/node-chatgpt-api#34"),
    Said(
        "openai", 503, openai("The engine is currently overloaded, please try again later", "server_error"), Overloaded, CODES
    ),
    Said("openai", 503, openai("Slow down", "server_error"), Overloaded, CODES, {"retry-after": "5"}, wait=5),
    Said("openai", 503, openai("Service unavailable", "server_error"), Unavailable, CODES),
    Said("openai", 500, openai("The server had an error while processing your request", "server_error"), Unavailable, CODES),
    Said("openai", 408, openai("Request timed out"), Unavailable, CODES),
    Said("openai", 409, openai("Conflict"), Unavailable, CODES),
    Said("openai", 502, "<html>bad gateway</html>", Unavailable, "a proxy's page"),
    Said("openai", 500, {"error": "boom"}, Unavailable, "an error that is a text"),
    Said("openai", 400, [], Refused, "an error that is nothing"),
)
OTHERS = (
    Said("groq", 401, openai("Invalid API Key", BAD, "invalid_api_key"), KeyRefused, GROQ),
    Said("groq", 403, openai("Access denied. Please check your network settings."), Unavailable, GROQ),
    Said("groq", 400, openai("Organization has been restricted. Please reach out to support.", BAD), KeyRefused, GROQ),
    Said(
        "groq",
        413,
        openai(GROQ_BIG, "tokens", "rate_limit_exceeded"),
        ContextFull,
        "ha-groq-cloud-api#27",
        organisation="org_01k",
    ),
    Said("groq", 413, openai(GROQ_BIG, "tokens", "rate_limit_exceeded"), Refused, "koassistant.koplugin#106", max_output=8000),
    Said(
        "groq",
        429,
        openai(GROQ_TPM, "tokens", "rate_limit_exceeded"),
        RateLimited,
        "elizaOS/eliza#4040",
        wait=4.77,
        organisation="org_01j5b4pz9jff492fq686vypsx6",
    ),
    Said("groq", 429, openai("Rate limit reached", "requests"), RateLimited, "console.groq.com", {"retry-after": "2"}, wait=2),
    Said("groq", 498, openai("Flex tier capacity exceeded", None, "capacity_exceeded"), Overloaded, GROQ),
    Said(
        "groq", 503, openai("llama is currently over capacity. We are at capacity.", "internal_server_error"), Overloaded, GROQ
    ),
    Said("groq", 400, openai("Failed to call a function.", BAD, "tool_use_failed"), Unavailable, GROQ),
    Said("groq", 400, openai("`max_tokens` must be less than or equal to `8192`", BAD), Refused, GROQ),
    Said(
        "groq",
        404,
        openai("The model `x` does not exist or you do not have access to it.", BAD, "model_not_found"),
        ModelMissing,
        GROQ,
    ),
    Said("groq", 422, openai("Unprocessable entity", BAD), Refused, GROQ),
    Said(
        "openrouter", 402, router(402, "Insufficient credits. This account never purchased credits."), NoCredit, "openclaude#43"
    ),
    Said("openrouter", 402, router(402, AFFORD, provider_name=None), NoCredit, "astrio-labs/forall#76"),
    Said(
        "openrouter", 402, {"error": router(402, "More credits are required to run this request.")}, NoCredit, "forgecode#571"
    ),
    Said("openrouter", 403, router(403, "Key limit exceeded (monthly limit)"), NoCredit, "openclaw#59892"),
    Said("openrouter", 403, router(403, "API key budget limit exceeded (monthly limit)."), NoCredit, "openclaw#60191"),
    Said(
        "openrouter",
        403,
        router(403, "Your input was flagged", reasons=["violence"], flagged_input="…", provider_name="OpenAI"),
        Refused,
        ROUTER,
    ),
    Said("openrouter", 401, router(401, "User not found."), KeyRefused, ROUTER),
    Said("openrouter", 401, router(401, "Missing Authentication header"), KeyRefused, "free-claude-code#146"),
    Said("openrouter", 400, router(400, "x is not a valid model ID"), Refused, ROUTER),
    Said("openrouter", 404, router(404, "No endpoints found that support tool use."), ModelMissing, ROUTER),
    Said("openrouter", 408, router(408, "Request timed out"), Unavailable, ROUTER),
    Said("openrouter", 502, router(502, "Provider returned error", raw="upstream is down"), Unavailable, ROUTER),
    Said("openrouter", 503, router(503, "No available model provider meets your routing requirements"), Unavailable, ROUTER),
    Said("openrouter", 503, router(503, "Provider returned error", raw='{"message":"overloaded"}'), Overloaded, ROUTER),
    Said("openrouter", 529, router(529, "Provider overloaded"), Overloaded, ROUTER),
    Said(
        "openrouter",
        429,
        router(
            429, FREE, headers={"X-RateLimit-Limit": "50", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": f"{RESET}000"}
        ),
        RateLimited,
        "Gitlawb/openclaude#936",
        DATE,
        wait=600,
    ),
    Said(
        "openrouter", 429, router(429, "Provider returned error", raw="temporarily rate-limited upstream"), RateLimited, ROUTER
    ),
    Said("nvidia", 402, nvidia(402, "Payment Required", EXPIRED), NoCredit, "forums.developer.nvidia.com"),
    Said("nvidia", 401, nvidia(401, "Unauthorized", "Authentication failed"), KeyRefused, "OmniRoute#6242"),
    Said("nvidia", 401, {"detail": "Invalid API key"}, KeyRefused, "free-claude-code#902"),
    Said("nvidia", 403, nvidia(403, "Forbidden", "Authorization failed"), KeyRefused, "HKUDS/OpenHarness#233"),
    Said(
        "nvidia",
        404,
        nvidia(404, "Not Found", "Function 'f': Not found for account 'a'"),
        ModelMissing,
        "gethouston/houston#1243",
    ),
    Said("nvidia", 410, "", ModelMissing, "gethouston/houston#1243"),
    Said("nvidia", 429, nvidia(429, "Too Many Requests", "Too Many Requests"), RateLimited, "build.nvidia.com"),
    Said("nvidia", 503, nvidia(503, "Busy", "Worker local total request limit reached (33/32)"), Overloaded, "OmniRoute#8210"),
    Said(
        "nvidia",
        400,
        {"object": "error", "message": LENGTH + SHORTER, "type": "BadRequestError", "param": None, "code": 400},
        ContextFull,
        "meta-llama/llama-verifications#58",
    ),
    Said("nvidia", 422, {"detail": [{"loc": ["body"], "msg": "field required"}]}, Refused, "FastAPI"),
    Said("sokosumi", 401, openai("Unauthorized"), KeyRefused, "docs.sokosumi.com"),
    Said("sokosumi", 402, openai("Insufficient balance", "insufficient_credits"), NoCredit, "Gitlawb/openclaude#1491"),
    Said(
        "sokosumi",
        500,
        {
            "error": {
                "code": 500,
                "message": "the request exceeds the available context size.",
                "type": "exceed_context_size_error",
            }
        },
        ContextFull,
        "ggml-org/llama.cpp#15780",
    ),
    Said("sokosumi", 429, openai(f"{QUOTA} Please retry in 21.5s."), RateLimited, "Gemini's quota for each minute", wait=21.5),
)
