#!/usr/bin/env python3
"""Prints the dashboard: `python3 dashboard.py > signout.json`. A test fails when the two differ.

Panels are told here in the order in which they stand; their places are computed. Every query is asked of a
real Prometheus by the tests, with a real instance behind it.
"""

import json

# What the variables of the dashboard choose.
INSTANCES = 'job=~"$job", instance=~"$instance"'
PROVIDERS = INSTANCES + ', provider=~"$provider"'
RUNBOOKS = "https://github.com/signout-dev/signout/blob/main/docs/runbooks"
# Grafana's grid.
WIDTH = 24


def rate(metric, matchers=""):
    return f"rate({metric}{{{INSTANCES}{', ' + matchers if matchers else ''}}}[$__rate_interval])"


def total(expression, *labels):
    return f"sum by ({', '.join(labels)}) ({expression})" if labels else f"sum({expression})"


def quantile(q, histogram, matchers=""):
    return f"histogram_quantile({q}, {total(rate(histogram + '_bucket', matchers), 'le')})"


def quantiles(histogram, matchers="", prefix=""):
    return [(quantile(q, histogram, matchers), f"{prefix}p{q * 100:g}") for q in (0.5, 0.99)]


def panel(kind, title, description, runbook, queries, unit="short", width=8, height=7, **more):
    """One panel. `queries` are pairs of PromQL and legend; `runbook` is a page of docs/runbooks."""
    field = {"unit": unit, **more.pop("field", {})}
    return {
        "type": kind,
        "title": title,
        "description": description,
        "datasource": {"type": "prometheus", "uid": "${datasource}"},
        "links": [{"title": f"Runbook: {runbook}", "url": f"${{runbooks}}/{runbook}.md", "targetBlank": True}],
        "fieldConfig": {"defaults": field, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + number), "expr": expression, "legendFormat": legend, **more.get("target", {})}
            for number, (expression, legend) in enumerate(queries)
        ],
        "options": more.get("options", {}),
        "gridPos": {"w": width, "h": height},
    }


def lines(*arguments, stacked=False, **more):
    custom = {"fillOpacity": 30 if stacked else 8, "lineWidth": 1, "showPoints": "never"}
    if stacked:
        custom["stacking"] = {"mode": "normal"}
    options = {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi", "sort": "desc"}}
    return panel("timeseries", *arguments, field={"custom": custom, "min": 0}, options=options, **more)


def number(*arguments, steps, mappings=(), **more):
    """One large figure. `steps` are pairs of a lower bound and a colour."""
    thresholds = {"mode": "absolute", "steps": [{"value": value, "color": colour} for value, colour in steps]}
    options = {"colorMode": "background", "graphMode": "none", "reduceOptions": {"calcs": ["lastNotNull"]}}
    field = {"thresholds": thresholds, "mappings": list(mappings), "decimals": more.pop("decimals", None)}
    return panel("stat", *arguments, field=field, options=options, width=6, height=5, **more)


def heatmap(title, description, runbook, histogram, matchers=""):
    query = [(total(f"increase({histogram}_bucket{{{INSTANCES}{', ' + matchers if matchers else ''}}}[$__rate_interval])", "le"), "{{le}}")]
    options = {
        "calculate": False,
        "color": {"mode": "scheme", "scheme": "Turbo", "steps": 64},
        "yAxis": {"unit": "s", "axisPlacement": "left"},
        "cellGap": 1,
    }
    return panel("heatmap", title, description, runbook, query, unit="s", options=options, target={"format": "heatmap"})


NOT_FRESH = f"signout_checker_staleness_seconds{{{INSTANCES}}} > bool 30"
NOT_SHARED = f"signout_replication_oldest_seconds{{{INSTANCES}}} > bool 10"
NOT_TAKEN = f"signout_journal_up{{{INSTANCES}}} == bool 0"
LET_PASS = f'increase(signout_stale_answers_total{{{INSTANCES}, policy="allow"}}[5m]) > bool 0'
# Of an instance that is gone there is no other metric.
GONE = f"up == bool 0 and on (job, instance) last_over_time(signout_build_info{{{INSTANCES}}}[1d])"
NOBODY = f"absent(signout_build_info{{{INSTANCES}}})"
# Without Redis there is nobody to hear of or to share with.
FAULTS = (NOT_FRESH, NOT_SHARED, NOT_TAKEN, LET_PASS, GONE, NOBODY)
IN_DOUBT = " + ".join(f"({total(one)} or vector(0))" for one in FAULTS)

SURE = {"type": "value", "options": {"0": {"text": "no", "color": "green"}}}
PERHAPS = {"type": "range", "options": {"from": 1, "to": None, "result": {"text": "perhaps", "color": "red"}}}


def rows():
    """Titles and panels."""
    yield "Is revocation working?", [
        number(
            "May a signed-out token pass?",
            "No, unless an instance is down, cannot hear of the others, cannot tell them, cannot write down what it takes, "
            "or answers from old knowledge. How many such faults there are now.",
            "stale",
            [(IN_DOUBT, "faults")],
            steps=[(None, "green"), (1, "red")],
            mappings=[SURE, PERHAPS],
        ),
        number(
            "Logouts taken",
            "Share of the logout tokens, bad ones left out, that were not answered 503. Objective: 99.9 %.",
            "unanswered",
            [(
                f'sum(increase(signout_logout_tokens_total{{{PROVIDERS}, outcome=~"applied|repeated"}}[$__range]))'
                f' / sum(increase(signout_logout_tokens_total{{{PROVIDERS}, outcome!="refused"}}[$__range]))',
                "taken",
            )],
            unit="percentunit", decimals=2, steps=[(None, "red"), (0.999, "green")],
        ),
        number(
            "Refused within 100 ms",
            "Share of the applied logouts that were refused by the instance within 100 ms of their arrival. Objective: 99 %.",
            "late",
            [(
                f'sum(increase(signout_logout_request_seconds_bucket{{{INSTANCES}, outcome="applied", le="0.1"}}[$__range]))'
                f' / sum(increase(signout_logout_request_seconds_count{{{INSTANCES}, outcome="applied"}}[$__range]))',
                "in time",
            )],
            unit="percentunit", decimals=2, steps=[(None, "red"), (0.99, "green")],
        ),
        number(
            "Instances",
            "Instances that answer Prometheus.",
            "down",
            [(f"count(signout_build_info{{{INSTANCES}}})", "instances")],
            steps=[(None, "red"), (1, "green")],
        ),
        lines(
            "From logout to refused",
            "How long a signed-out token still works: from the logout token's arrival until it is on the disk and refused by "
            "the instance that took it, and then until Redis gave it back, which is when the others read it, too.",
            "late",
            quantiles("signout_logout_request_seconds", 'outcome="applied"', "here ")
            + quantiles("signout_replication_seconds", "", "on to the others "),
            unit="s", width=12,
        ),
        lines(
            "Logouts applied",
            "How often somebody is signed out, by provider. A provider that falls silent shows here first.",
            "no-logout-applied",
            [(total(f'rate(signout_logout_tokens_total{{{PROVIDERS}, outcome="applied"}}[$__rate_interval])', "provider"), "{{provider}}")],
            unit="reqps", width=12,
        ),
    ]
    yield "Logout tokens", [
        lines(
            "Tokens by outcome",
            "applied: it took effect. repeated: it had before. refused: it was no good. unavailable: 503, it could not be taken.",
            "unanswered",
            [(total(f"rate(signout_logout_tokens_total{{{PROVIDERS}}}[$__rate_interval])", "outcome"), "{{outcome}}")],
            unit="reqps", stacked=True,
        ),
        lines(
            "Not taken, by reason",
            "Refused and unavailable ones. The log has a sentence for each reason.",
            "no-logout-applied",
            [(
                total(f'rate(signout_logout_tokens_total{{{PROVIDERS}, outcome=~"refused|unavailable"}}[$__rate_interval])', "provider", "reason")
                + " > 0",
                "{{provider}} {{reason}}",
            )],
            unit="reqps",
        ),
        heatmap(
            "Time to answer, applied",
            "From arrival to the answer, by which time it is refused. Most of it is one fsync.",
            "late",
            "signout_logout_request_seconds",
            'outcome="applied"',
        ),
        lines(
            "From the provider's iat to refused here",
            "The whole way, by the provider's clock, in whole seconds: what is beyond a second or two was delivered late, or the "
            "clocks differ.",
            "late",
            quantiles("signout_revocation_propagation_seconds"),
            unit="s",
        ),
        lines(
            "Revoked, by why",
            "Targets, by the reason for it: logouts, administrators, other requests.",
            "no-logout-applied",
            [(total(rate("signout_revocations_total"), "source") + " > 0", "{{source}}")],
            stacked=True,
        ),
        lines(
            "Refused now",
            "Targets in force, by what they are: tokens, sessions, subjects, clients, issuers.",
            "journal",
            [(f"max by (target) (signout_denylist_entries{{{INSTANCES}}})", "{{target}}")],
        ),
    ]
    yield "Checks", [
        lines(
            "Checks by verdict",
            "Tokens asked about, at /v1/check and by reverse proxies. APIs with the checker in their own process do not show here.",
            "stale-answers",
            [(total(rate("signout_checks_total"), "surface", "verdict"), "{{surface}} {{verdict}}")],
            unit="reqps", stacked=True,
        ),
        heatmap(
            "Time to answer",
            "Once the request was read. The index itself takes less than a microsecond.",
            "late",
            "signout_check_seconds",
        ),
        lines("Time to answer, quantiles", "The same as lines.", "late", quantiles("signout_check_seconds"), unit="s"),
        lines(
            "Answers from old knowledge",
            "Requests beyond checker.max_staleness. allow: signed-out tokens may have passed. deny: good ones were refused.",
            "stale-answers",
            [(total(rate("signout_stale_answers_total"), "policy"), "{{policy}}")],
            unit="reqps",
        ),
        lines(
            "Refused at /forward-auth",
            "Requests of reverse proxies that were not let pass, by why.",
            "stale-answers",
            [(total(rate("signout_forward_auth_refusals_total"), "reason"), "{{reason}}")],
            unit="reqps", stacked=True,
        ),
        lines(
            "Feed",
            "Open streams of those who keep what is refused themselves, and what makes them load a snapshot.",
            "stale",
            [
                (total(f"signout_feed_subscribers{{{INSTANCES}}}"), "streams"),
                (total(rate("signout_feed_resets_total"), "reason"), "reset/s {{reason}}"),
                (total(rate("signout_snapshots_total")), "snapshots/s"),
            ],
        ),
    ]
    yield "Redis", [
        lines(
            "Shared through Redis",
            "1 while the instance shares what it takes. unsafe: Redis may evict keys.",
            "replication-lag",
            [
                (f"signout_redis_up{{{INSTANCES}}}", "{{instance}} up"),
                (f"signout_redis_unsafe{{{INSTANCES}}}", "{{instance}} unsafe"),
            ],
        ),
        lines(
            "Staleness",
            "What each instance may have missed of the others. Half a second is usual; beyond checker.max_staleness the policy decides.",
            "stale",
            [(f"signout_checker_staleness_seconds{{{INSTANCES}}}", "{{instance}}")],
            unit="s",
        ),
        lines(
            "Waiting for Redis, time",
            "How long the oldest entry that Redis has not confirmed has waited.",
            "replication-lag",
            [(f"signout_replication_oldest_seconds{{{INSTANCES}}}", "{{instance}}")],
            unit="s",
        ),
        lines(
            "Waiting for Redis, entries",
            "Entries of the journal that Redis has not confirmed.",
            "replication-lag",
            [(f"signout_replication_pending{{{INSTANCES}}}", "{{instance}}")],
        ),
        lines(
            "Into Redis and back",
            "One round: written, read back as the others read it.",
            "replication-lag",
            quantiles("signout_replication_seconds"),
            unit="s",
        ),
        lines(
            "Errors and losses",
            "Acts on Redis that failed, and what Redis had lost; it was put back. Empty where nothing did.",
            "redis-lost",
            [
                (total(rate("signout_redis_errors_total"), "op") + " > 0", "failed {{op}}"),
                (total(rate("signout_redis_losses_total"), "cause") + " > 0", "lost {{cause}}"),
            ],
        ),
    ]
    yield "Journal", [
        lines(
            "Takes what is decided",
            "At 0, logouts are answered 503.",
            "journal",
            [(f"signout_journal_up{{{INSTANCES}}}", "{{instance}}")],
            width=6,
        ),
        lines("Commit", "One fsync for all that came together.", "journal", quantiles("signout_journal_commit_seconds"), unit="s", width=6),
        lines(
            "Room",
            "The size of the file, and what is left to it on its file system.",
            "journal",
            [
                (f"signout_journal_bytes{{{INSTANCES}}}", "{{instance}} taken"),
                (f"signout_journal_free_bytes{{{INSTANCES}}}", "{{instance}} free"),
            ],
            unit="bytes", width=6,
        ),
        lines(
            "Registered tokens",
            "Those that may still be live. They are what the journal mostly holds.",
            "journal",
            [(f"signout_registered_tokens{{{INSTANCES}}}", "{{instance}}")],
            width=6,
        ),
    ]
    yield "Providers", [
        lines(
            "Age of the keys",
            "Since a provider's keys were last read well. Read every six hours at least, believed for 24.",
            "keys",
            [(f"max by (provider) (signout_jwks_age_seconds{{{PROVIDERS}}})", "{{provider}}")],
            unit="s", width=12,
        ),
        lines(
            "Reading the keys",
            "Attempts by outcome; only refreshed brought new ones. There may be none for hours.",
            "keys",
            [(total(f"increase(signout_jwks_refresh_total{{{PROVIDERS}}}[$__rate_interval])", "provider", "outcome") + " > 0", "{{provider}} {{outcome}}")],
            width=12,
        ),
    ]
    yield "Process", [
        lines("Processor", "CPU seconds a second.", "late", [(rate("process_cpu_seconds_total"), "{{instance}}")], width=6),
        lines("Memory", "Resident.", "down", [(f"process_resident_memory_bytes{{{INSTANCES}}}", "{{instance}}")], unit="bytes", width=6),
        lines(
            "Open files",
            "Each stream of the feed and each connection is one. The limit is LimitNOFILE.",
            "down",
            [
                (f"process_open_fds{{{INSTANCES}}}", "{{instance}}"),
                (f"process_max_fds{{{INSTANCES}}}", "{{instance}} limit"),
            ],
            width=6,
        ),
        lines(
            "Uptime",
            "By version.",
            "down",
            [(
                f"(time() - process_start_time_seconds{{{INSTANCES}}})"
                f" * on (job, instance) group_left (version) signout_build_info{{{INSTANCES}}}",
                "{{instance}} {{version}}",
            )],
            unit="s", width=6,
        ),
    ]


def place(sections):
    """Gives every panel its number and its place, left to right and top to bottom."""
    placed, top = [], 0
    for title, panels in sections:
        placed.append({"type": "row", "title": title, "collapsed": False, "panels": [], "gridPos": {"x": 0, "y": top, "w": WIDTH, "h": 1}})
        top, left, tallest = top + 1, 0, 0
        for one in panels:
            at = one["gridPos"]
            if left + at["w"] > WIDTH:
                top, left, tallest = top + tallest, 0, 0
            one["gridPos"] = {"x": left, "y": top, **at}
            left, tallest = left + at["w"], max(tallest, at["h"])
            placed.append(one)
        top += tallest
    return [{"id": number, **one} for number, one in enumerate(placed, 1)]


def choice(name, label, metric, matchers=""):
    query = f"label_values({metric}{{{matchers}}}, {name})" if matchers else f"label_values({metric}, {name})"
    return {
        "type": "query", "name": name, "label": label, "query": query, "definition": query,
        "datasource": {"type": "prometheus", "uid": "${datasource}"},
        "includeAll": True, "allValue": ".*", "multi": True, "refresh": 2, "sort": 1,
        "current": {"text": ["All"], "value": ["$__all"]},
    }


def dashboard():
    return {
        "uid": "signout",
        "title": "signout",
        "description": "Is anybody still getting in who should not? Made by deploy/grafana/dashboard.py.",
        "tags": ["signout", "oidc"],
        "schemaVersion": 39,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": [
            {"type": "datasource", "name": "datasource", "label": "Data source", "query": "prometheus", "current": {}},
            choice("job", "Job", "signout_build_info"),
            choice("instance", "Instance", "signout_build_info", 'job=~"$job"'),
            choice("provider", "Provider", "signout_logout_tokens_total", INSTANCES),
            # For those who keep their own.
            {"type": "textbox", "name": "runbooks", "label": "Runbooks", "query": RUNBOOKS, "current": {"text": RUNBOOKS, "value": RUNBOOKS}},
        ]},
        "annotations": {"list": [{
            "name": "Alerts", "enable": True, "iconColor": "red",
            "datasource": {"type": "prometheus", "uid": "${datasource}"},
            "expr": 'ALERTS{alertname=~"Signout.*", alertstate="firing", job=~"$job"}',
            "titleFormat": "{{alertname}}", "textFormat": "{{instance}} {{provider}}",
        }]},
        "panels": place(rows()),
    }


if __name__ == "__main__":
    print(json.dumps(dashboard(), indent=2, ensure_ascii=False))
