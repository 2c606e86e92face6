-- Asks signout whether a request may pass: `http-request lua.signout <url>`.
--
-- Sets txn.signout_status to the status of the answer, and what goes with it. Where there is no answer it
-- stays "none", which lets nothing pass.

-- What a decision depends on. Nothing else of the request leaves HAProxy.
local SENT = { "authorization", "cookie", "accept" }

-- Header of the answer -> variable.
local TOLD = {
    ["x-auth-subject"] = "txn.signout_subject",
    ["x-auth-issuer"] = "txn.signout_issuer",
    ["x-auth-session"] = "txn.signout_session",
    ["x-auth-client"] = "txn.signout_client",
    ["x-auth-groups"] = "txn.signout_groups",
    ["www-authenticate"] = "txn.signout_challenge",
    ["location"] = "txn.signout_location",
}

-- HAProxy asks four times before it gives up: two seconds in all.
local TIMEOUT_MS = 500

-- HAProxy counts the lines of a header from 0.
local function lines(header)
    local found = {}
    local i = 0
    while header[i] ~= nil do
        found[#found + 1] = header[i]
        i = i + 1
    end
    return found
end

local function signout(txn, url)
    txn:set_var("txn.signout_status", "none")
    for _, variable in pairs(TOLD) do
        txn:set_var(variable, "")
    end

    local request = txn.http:req_get_headers()
    local headers = { ["x-forwarded-method"] = { txn.sf:method() } }
    for _, name in ipairs(SENT) do
        -- All lines: signout refuses what comes twice and differs.
        if request[name] then
            headers[name] = lines(request[name])
        end
    end

    local answer = core.httpclient():get({ url = url, headers = headers, timeout = TIMEOUT_MS })
    if not answer or not answer.status or not answer.headers then
        return
    end
    for name, variable in pairs(TOLD) do
        if answer.headers[name] then
            txn:set_var(variable, answer.headers[name][0] or "")
        end
    end
    txn:set_var("txn.signout_status", tostring(answer.status))
end

core.register_action("signout", { "http-req" }, signout, 1)
