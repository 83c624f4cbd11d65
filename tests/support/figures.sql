-- Key figures counted by DuckDB over the raw events alone (`raw`: topic, sequence, data): what analytics is held against.
-- No code of the services is in it: it follows the definitions of docs/kpis.md. All days, all that is known.

CREATE MACRO cents(event, field) AS CAST(coalesce(event ->> field, '0') AS BIGINT);
CREATE MACRO day_of(event, field) AS CAST(left(event ->> field, 10) AS DATE);

-- Each thing as it was told last.
CREATE TABLE claims AS
SELECT data ->> 'claim_id' AS claim_id, data ->> 'claim_key' AS claim_key, data ->> 'replaces_claim_id' AS replaces,
    data ->> 'frequency_code' AS frequency_code, cents(data, 'charge_cents') AS charge, day_of(data, 'submitted_at') AS known_on,
    coalesce(data ->> 'payer_sequence', 'P') <> 'P' AS is_secondary,
    coalesce(len(list_filter(CAST(data -> 'findings' AS JSON[]), lambda x: (x ->> 'severity') = 'error')), 0) > 0 AS has_error,
    coalesce(len(list_filter(CAST(data -> 'findings' AS JSON[]), lambda x: (x ->> 'severity') IN ('error', 'warning'))), 0) > 0
        AS was_warned
FROM raw WHERE topic = 'claim.submitted'
QUALIFY row_number() OVER (PARTITION BY data ->> 'claim_id' ORDER BY sequence DESC) = 1;

CREATE TABLE answers AS
SELECT data ->> 'claim_id' AS claim_id, data ->> 'status' AS status FROM raw WHERE topic = 'claim.acknowledged'
QUALIFY row_number() OVER (PARTITION BY data ->> 'acknowledgement_id' ORDER BY sequence DESC) = 1;

CREATE TABLE remits AS
WITH matched AS (
    SELECT data ->> 'remit_id' AS remit_id, data ->> 'claim_id' AS claim_id FROM raw WHERE topic = 'remit.matched'
    QUALIFY row_number() OVER (PARTITION BY data ->> 'remit_id' ORDER BY sequence DESC) = 1
), told AS (
    SELECT DISTINCT ON (data ->> 'remit_id') data FROM raw WHERE topic = 'remit.received'
)
SELECT data ->> 'remit_id' AS remit_id, data ->> 'claim_key' AS claim_key, data ->> 'payer_id' AS payer_id,
    CASE WHEN matched.remit_id IS NULL THEN data ->> 'claim_id' ELSE matched.claim_id END AS claim_id,
    data ->> 'claim_status_code' AS status, day_of(data, 'payment_on') AS payment_on, day_of(data, 'received_at') AS known_on,
    cents(data, 'charge_cents') AS charge, cents(data, 'paid_cents') AS paid,
    greatest(coalesce(json_array_length(data -> 'lines'), 0), 1) AS lines, coalesce(data ->> 'service_from_on', '') AS served_on
FROM told LEFT JOIN matched ON matched.remit_id = data ->> 'remit_id';

CREATE TABLE denials AS
SELECT data ->> 'denial_id' AS denial_id, data ->> 'remit_id' AS remit_id, data ->> 'status' = 'active' AS is_active,
    day_of(data, 'payment_on') AS payment_on, data ->> 'category' AS category, cents(data, 'denied_cents') AS denied,
    CAST(data ->> 'preventable' AS BOOLEAN) AS preventable,
    len(list_distinct(list_transform(CAST(data -> 'reasons' AS JSON[]), lambda x: coalesce(x ->> 'line', '0')))) AS refused_lines,
    list_contains(list_transform(CAST(data -> 'reasons' AS JSON[]), lambda x: coalesce(x ->> 'line', '0')), '0') AS is_whole
FROM raw WHERE topic = 'denial.classified' AND data ->> 'acknowledgement_id' IS NULL
QUALIFY row_number() OVER (PARTITION BY data ->> 'denial_id' ORDER BY CAST(data ->> 'revision' AS INT) DESC) = 1;

CREATE TABLE filings AS
SELECT DISTINCT ON (data ->> 'appeal_id') data ->> 'appeal_id' AS appeal_id, data ->> 'denial_id' AS denial_id,
    data ->> 'action' AS action, day_of(data, 'filed_on') AS filed_on, day_of(data, 'due_on') AS due_on,
    cents(data, 'disputed_cents') AS disputed
FROM raw WHERE topic = 'appeal.filed';

CREATE TABLE decisions AS
SELECT data ->> 'appeal_id' AS appeal_id, data ->> 'denial_id' AS denial_id, data ->> 'action' AS action, data ->> 'outcome' AS outcome,
    coalesce(data ->> 'level', '') AS level, cents(data, 'disputed_cents') AS disputed, cents(data, 'recovered_cents') AS recovered,
    day_of(data, 'decided_on') AS decided_on, day_of(data, 'filed_on') AS filed_on, data ->> 'decided_by' = 'remittance' AS by_remittance
FROM raw WHERE topic = 'appeal.decided'
QUALIFY row_number() OVER (PARTITION BY data ->> 'appeal_id' ORDER BY CAST(data ->> 'revision' AS INT) DESC) = 1;

CREATE TABLE closings AS
SELECT data ->> 'denial_id' AS denial_id, coalesce(data ->> 'closed_as', '') AS closed_as, cents(data, 'left_cents') AS left_cents
FROM raw WHERE topic = 'case.closed'
QUALIFY row_number() OVER (PARTITION BY data ->> 'case_id' ORDER BY sequence DESC) = 1;

CREATE TABLE followups AS
SELECT data ->> 'kind' AS kind, cents(data, 'amount_cents') AS amount, coalesce(data ->> 'resolved_by', '') AS resolved_by
FROM raw WHERE topic = 'followup.changed'
QUALIFY row_number() OVER (PARTITION BY data ->> 'followup_id' ORDER BY CAST(data ->> 'revision' AS INT) DESC) = 1;

-- A claim with its corrections is the first claim of its chain, as far as the account knows it.
CREATE TABLE roots AS
WITH RECURSIVE up AS (
    SELECT claim_id, claim_id AS root, 0 AS steps FROM claims
    UNION ALL
    SELECT up.claim_id, before.claim_id, up.steps + 1
    FROM up JOIN claims AS here ON here.claim_id = up.root
        JOIN claims AS before ON before.claim_id = here.replaces AND before.claim_key = here.claim_key
    WHERE up.steps < 50
)
SELECT claim_id, arg_max(root, steps) AS root FROM up GROUP BY claim_id;

CREATE TABLE billed AS  -- claims that count as submitted
SELECT claims.*, EXISTS (FROM answers JOIN roots USING (claim_id) WHERE root = claims.claim_id AND status = 'rejected') AS is_rejected,
    EXISTS (FROM answers JOIN roots USING (claim_id) WHERE root = claims.claim_id AND status IN ('accepted', 'rejected')) AS is_judged
FROM claims JOIN roots USING (claim_id) WHERE root = claim_id AND frequency_code <> '8' AND NOT is_secondary;

-- Answers that can be a first payer's first one, in order, with the claim that they are about.
CREATE TABLE ordered AS
SELECT remits.*, claims.claim_id AS root, claims.charge AS billed, claims.known_on AS sent_on, claims.has_error, claims.was_warned,
    coalesce(claims.claim_id, remits.claim_id, 'unmatched ' || remits.claim_key || served_on) || remits.claim_key AS episode,
    row_number() OVER (
        PARTITION BY coalesce(claims.claim_id, remits.claim_id, 'unmatched ' || remits.claim_key || served_on) || remits.claim_key
        ORDER BY payment_on, remits.known_on, remit_id
    ) AS place
FROM remits LEFT JOIN roots USING (claim_id)
    LEFT JOIN claims ON claims.claim_id = roots.root AND claims.claim_key = remits.claim_key
WHERE status NOT IN ('22', '25', '2', '3', '20', '21', '23') AND NOT coalesce(claims.is_secondary, false);

CREATE TABLE initial AS  -- the first answer: later parts of it up to what was billed
WITH RECURSIVE walk AS (
    SELECT episode, place, remit_id, payer_id, payment_on, charge AS charged, true AS is_in FROM ordered WHERE place = 1
    UNION ALL
    SELECT o.episode, o.place, o.remit_id, w.payer_id, w.payment_on,
        w.charged + CASE WHEN fits THEN o.charge ELSE 0 END, fits
    FROM walk AS w JOIN (
        SELECT *, true AS one FROM ordered
    ) AS o ON o.episode = w.episode AND o.place = w.place + 1,
    LATERAL (
        SELECT o.payer_id = w.payer_id
            AND CASE WHEN o.billed IS NULL THEN o.payment_on = w.payment_on ELSE w.charged + o.charge <= o.billed END AS fits
    )
)
SELECT ordered.* FROM ordered JOIN (SELECT remit_id FROM walk WHERE is_in) USING (remit_id);

CREATE TABLE first_answers AS
SELECT episode, any_value(root) AS root, min(payment_on) AS payment_on, sum(charge) AS charge, sum(paid) AS paid, sum(lines) AS lines,
    any_value(sent_on) AS sent_on, coalesce(any_value(was_warned), false) AS was_warned,
    coalesce(bool_or(denied > 0), false) AS is_denied, sum(CASE WHEN denied > 0 THEN denied ELSE 0 END) AS refused,
    sum(CASE WHEN denied > 0 THEN CASE WHEN is_whole OR refused_lines = 0 THEN lines ELSE least(refused_lines, lines) END ELSE 0 END)
        AS refused_lines
FROM initial LEFT JOIN denials USING (remit_id, payment_on) GROUP BY episode;

CREATE TABLE recovered AS SELECT denial_id, sum(recovered) AS cents FROM decisions GROUP BY denial_id;
CREATE TABLE left_of AS
SELECT denials.*, greatest(denied - coalesce(cents, 0), 0) AS left_cents FROM denials LEFT JOIN recovered USING (denial_id);

-- Appeals that ended: those that the payer decided, and the last one of a denial whose case was closed without a decision.
CREATE TABLE ended AS
SELECT outcome, disputed, recovered FROM decisions JOIN denials USING (denial_id) WHERE action = 'appeal'
UNION ALL
SELECT 'withdrawn', disputed, 0
FROM (
    SELECT * FROM filings WHERE action = 'appeal'
    QUALIFY row_number() OVER (PARTITION BY denial_id ORDER BY filed_on DESC, appeal_id DESC) = 1
) AS filed JOIN denials USING (denial_id)
WHERE EXISTS (FROM closings WHERE closings.denial_id = filed.denial_id AND closed_as <> '')
    AND NOT EXISTS (
        FROM decisions WHERE decisions.denial_id = filed.denial_id
            AND (decisions.appeal_id = filed.appeal_id OR (outcome <> 'upheld' AND decided_on >= filed.filed_on))
    );

CREATE TABLE figures AS
          SELECT 'initial-denial-rate' AS kpi, count(*) FILTER (is_denied) AS above, count(*) AS below FROM first_answers
UNION ALL SELECT 'initial-denial-rate-dollars', sum(charge) FILTER (is_denied), coalesce(sum(charge), 0) FROM first_answers
UNION ALL SELECT 'initial-denial-rate-lines', sum(refused_lines), coalesce(sum(lines), 0) FROM first_answers
UNION ALL SELECT 'initially-refused-share', sum(refused), coalesce(sum(charge), 0) FROM first_answers
UNION ALL SELECT 'clean-claim-rate', count(*) FILTER (NOT is_rejected AND NOT has_error), count(*) FROM billed
UNION ALL SELECT 'rejection-rate', count(*) FILTER (is_rejected), count(*) FILTER (is_judged) FROM billed
UNION ALL SELECT 'preventable-share', count(*) FILTER (preventable), count(preventable) FROM denials WHERE denied > 0
UNION ALL SELECT 'preventable-share-dollars', sum(denied) FILTER (preventable),
        coalesce(sum(denied) FILTER (preventable IS NOT NULL), 0)
    FROM denials WHERE denied > 0
UNION ALL SELECT 'denied-dollars', sum(denied), NULL FROM denials WHERE denied > 0
UNION ALL SELECT 'denied-dollars-open', sum(left_cents), NULL FROM left_of WHERE is_active
UNION ALL SELECT 'timely-filing-losses', sum(left_cents), NULL FROM left_of WHERE is_active AND category = 'timely_filing'
UNION ALL SELECT 'denied-dollars-recovered', sum(recovered), NULL FROM decisions
UNION ALL SELECT 'denied-dollars-written-off', sum(l.left_cents), NULL FROM closings AS c JOIN left_of AS l USING (denial_id)
    WHERE closed_as = 'written_off' AND is_active
UNION ALL SELECT 'overturn-rate', count(*) FILTER (outcome NOT IN ('upheld', 'withdrawn')), count(*) FROM ended
UNION ALL SELECT 'overturn-rate-dollars', sum(recovered) FILTER (outcome NOT IN ('upheld', 'withdrawn')), coalesce(sum(disputed), 0)
    FROM ended
UNION ALL SELECT 'days-to-appeal', sum(date_diff('day', payment_on, first_on)), count(*)
    FROM (SELECT denial_id, min(filed_on) AS first_on FROM filings WHERE action = 'appeal' GROUP BY denial_id)
        JOIN denials USING (denial_id)
UNION ALL SELECT 'days-to-decision', sum(date_diff('day', filed_on, decided_on)), count(*)
    FROM decisions WHERE action = 'appeal' AND filed_on IS NOT NULL
UNION ALL SELECT 'days-to-cash', sum(date_diff('day', payment_on, decided_on)), count(*)
    FROM decisions JOIN denials USING (denial_id) WHERE recovered <> 0 AND by_remittance
UNION ALL SELECT 'appeals-in-time', count(*) FILTER (filed_on <= due_on), count(*)
    FROM filings WHERE action = 'appeal' AND due_on IS NOT NULL
UNION ALL SELECT 'payer-response-days', sum(date_diff('day', sent_on, payment_on)), count(*)
    FROM first_answers WHERE sent_on <= payment_on
UNION ALL SELECT 'prevention-catch-rate', count(*) FILTER (was_warned), count(*) FROM first_answers WHERE is_denied AND root IS NOT NULL
UNION ALL SELECT 'underpayments', sum(amount), NULL FROM followups WHERE kind = 'underpaid' AND resolved_by <> 'system';
