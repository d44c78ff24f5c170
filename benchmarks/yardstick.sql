-- Gold straight from the raw extracts, as an analyst would write it who wants nothing but the three
-- tables: no months apart, no history, no record of what was refused and why.
--
-- Needs the variables raw (the folder of the extracts), first_month and last_month, and leaves the
-- tables features, labels and cohort.

CREATE MACRO clean(x) AS
    coalesce(trim(x, chr(32) || chr(9) || chr(10) || chr(11) || chr(12) || chr(13)), '');
-- A number; null for placeholders and for what is none. What needs no cleaning is not cleaned.
CREATE MACRO number(x) AS
    coalesce(TRY_CAST(x AS DOUBLE), TRY_CAST(rtrim(clean(x), '_') AS DOUBLE));
CREATE MACRO blank(x, placeholder) AS clean(x) = '' OR clean(x) = placeholder;
CREATE MACRO is_number(x, placeholder) AS coalesce(isfinite(number(x)), blank(x, placeholder));
-- A reading; null for nothing, NaN for what is no number. Text is cleaned only where it must be.
CREATE MACRO reading(x) AS coalesce(
    TRY_CAST(x AS DOUBLE),
    CASE WHEN trim(x) <> '' THEN
        coalesce(TRY_CAST(rtrim(clean(x), '_') AS DOUBLE), 'nan'::DOUBLE) END);
-- What is outside the lender's range is missing.
CREATE MACRO within(x, low, high) AS CASE WHEN x BETWEEN low AND high THEN x END;
CREATE MACRO category(x, placeholder) AS CASE WHEN NOT blank(x, placeholder) THEN clean(x) END;
CREATE MACRO month_start(x) AS CASE WHEN x LIKE '____-__-01' THEN TRY_CAST(x AS DATE) END;
CREATE MACRO asked(day) AS
    month_start(day) BETWEEN getvariable('first_month')::DATE AND getvariable('last_month')::DATE;

-- One row per key: rows that are the same to the letter are one; keys whose rows differ are left out.
CREATE TABLE loans AS
WITH raw AS (
    FROM read_csv(getvariable('raw') || '/lms_loan_daily*.csv', all_varchar = true, header = true,
                  delim = ',', quote = '"', escape = '"')
), one AS (
    SELECT clean(loan_id) AS loan_id, month_start(snapshot_date) AS snapshot_date,
        clean(any_value(Customer_ID)) AS customer_id,
        month_start(any_value(loan_start_date)) AS loan_start_date,
        number(any_value(tenure)) AS tenure,
        number(any_value(installment_num)) AS month_on_book,
        number(any_value(loan_amt)) AS loan_amount,
        number(any_value(due_amt)) AS due,
        number(any_value(paid_amt)) AS paid,
        number(any_value(overdue_amt)) AS overdue,
        number(any_value(balance)) AS balance
    FROM raw
    WHERE asked(snapshot_date)
    GROUP BY ALL
    HAVING min(hash(raw)) = max(hash(raw))
), missed AS (
    SELECT *, CASE WHEN due > 0 THEN ceil(overdue / due) ELSE 0 END AS installments_missed FROM one
)
SELECT loan_id, customer_id, snapshot_date, loan_start_date, month_on_book::BIGINT AS month_on_book,
    datediff('day', (snapshot_date - to_months(installments_missed::INT))::DATE, snapshot_date)
        AS days_past_due
FROM missed
WHERE loan_id <> '' AND customer_id <> ''
    AND tenure >= 1 AND tenure = trunc(tenure)
    AND month_on_book BETWEEN 0 AND 600
    AND month_on_book = datediff('month', loan_start_date, snapshot_date)
    AND loan_amount >= 0 AND due >= 0 AND paid >= 0 AND overdue >= 0 AND isfinite(balance)
    AND installments_missed <= 600;

CREATE TABLE attributes AS
WITH raw AS (
    FROM read_csv(getvariable('raw') || '/features_attributes*.csv', all_varchar = true,
                  header = true, delim = ',', quote = '"', escape = '"')
), one AS (
    SELECT clean(Customer_ID) AS customer_id, month_start(snapshot_date) AS snapshot_date,
        any_value(Age) AS age, any_value(Occupation) AS occupation
    FROM raw
    WHERE asked(snapshot_date)
    GROUP BY ALL
    HAVING min(hash(raw)) = max(hash(raw))
)
SELECT customer_id, snapshot_date, within(number(age), 14, 100) AS age,
    category(occupation, '_______') AS occupation
FROM one
WHERE customer_id <> '' AND is_number(age, '')
    AND NOT regexp_matches(occupation, '[0-9]{3}-[0-9]{2}-[0-9]{4}');

CREATE TABLE financials AS
WITH raw AS (
    FROM read_csv(getvariable('raw') || '/features_financials*.csv', all_varchar = true,
                  header = true, delim = ',', quote = '"', escape = '"')
), one AS (
    SELECT clean(Customer_ID) AS customer_id, month_start(snapshot_date) AS snapshot_date,
        any_value(COLUMNS(* EXCLUDE (Customer_ID, snapshot_date)))
    FROM raw
    WHERE asked(snapshot_date)
    GROUP BY clean(Customer_ID), month_start(snapshot_date)
    HAVING min(hash(raw)) = max(hash(raw))
), parsed AS (
    SELECT *,
        regexp_extract(clean(Credit_History_Age), '^([0-9]{1,3}) Years? and ([0-9]{1,3}) Months?$',
            ['years', 'months']) AS history,
        regexp_extract(clean(Payment_Behaviour),
            '^(Low|High)_spent_(Small|Medium|Large)_value_payments$', ['level', 'size'])
            AS behaviour
    FROM one
), typed AS (
    SELECT customer_id, snapshot_date, history, behaviour,
        within(number(Annual_Income), 0, 1e99) AS stated_income,
        within(number(Monthly_Inhand_Salary), 0, 1e99) AS monthly_inhand_salary,
        within(number(Num_Bank_Accounts), 0, 50) AS num_bank_accounts,
        within(number(Num_Credit_Card), 0, 20) AS num_credit_card,
        within(number(Interest_Rate), 0, 100) AS interest_rate,
        within(number(Num_of_Loan), 0, 20) AS num_of_loan,
        coalesce(category(Type_of_Loan, ''), '') AS types,
        number(Delay_from_due_date) AS delay_from_due_date,
        within(number(Num_of_Delayed_Payment), 0, 100) AS num_of_delayed_payment,
        number(Changed_Credit_Limit) AS changed_credit_limit,
        within(number(Num_Credit_Inquiries), 0, 50) AS num_credit_inquiries,
        category(Credit_Mix, '_') AS credit_mix,
        within(number(Outstanding_Debt), 0, 1e99) AS outstanding_debt,
        within(number(Credit_Utilization_Ratio), 0, 100) AS credit_utilization_ratio,
        category(Payment_of_Min_Amount, 'NM') AS payment_of_min_amount,
        within(number(Total_EMI_per_month), 0, 1e99) AS total_emi_per_month,
        within(number(Amount_invested_monthly), 0, 1e99) AS amount_invested_monthly,
        number(Monthly_Balance) AS monthly_balance
    FROM parsed
    WHERE customer_id <> ''
        AND is_number(Annual_Income, '') AND is_number(Monthly_Inhand_Salary, '')
        AND is_number(Num_Bank_Accounts, '') AND is_number(Num_Credit_Card, '')
        AND is_number(Interest_Rate, '') AND is_number(Num_of_Loan, '')
        AND is_number(Delay_from_due_date, '') AND is_number(Num_of_Delayed_Payment, '')
        AND is_number(Changed_Credit_Limit, '_') AND is_number(Num_Credit_Inquiries, '')
        AND is_number(Outstanding_Debt, '') AND is_number(Credit_Utilization_Ratio, '')
        AND is_number(Total_EMI_per_month, '') AND is_number(Amount_invested_monthly, '__10000__')
        AND is_number(Monthly_Balance, '__-333333333333333333333333333__')
        AND clean(Credit_Mix) IN ('', '_', 'Bad', 'Standard', 'Good')
        AND clean(Payment_of_Min_Amount) IN ('', 'NM', 'Yes', 'No')
        AND (history.years <> '' OR clean(Credit_History_Age) IN ('', 'NA'))
        AND (behaviour.level <> '' OR clean(Payment_Behaviour) IN ('', '!@9#%8'))
)
SELECT *,
    -- Above three times twelve salaries an income is a typing error.
    CASE WHEN NOT coalesce(stated_income > 3 * 12 * monthly_inhand_salary, false)
        THEN stated_income END AS annual_income,
    nullif(history.years, '')::DOUBLE * 12 + nullif(history.months, '')::DOUBLE
        AS credit_history_months,
    nullif(behaviour.level, '') AS spending_level,
    nullif(behaviour.size, '') AS payment_size
FROM typed;

CREATE TABLE clickstream AS
WITH raw AS (
    FROM read_csv(getvariable('raw') || '/feature_clickstream*.csv', all_varchar = true,
                  header = true, delim = ',', quote = '"', escape = '"')
), one AS (
    SELECT clean(Customer_ID) AS customer_id, month_start(snapshot_date) AS snapshot_date,
        any_value(reading(COLUMNS('fe_.*')))
    FROM raw
    WHERE asked(snapshot_date)
    GROUP BY clean(Customer_ID), month_start(snapshot_date)
    HAVING min(hash(raw)) = max(hash(raw))
)
FROM one WHERE customer_id <> ''
    AND coalesce(COLUMNS('fe_.*') - trunc(COLUMNS('fe_.*')) = 0, true);

-- What is known when an applicant applies: the month's attributes and financials, and the mean of
-- every reading of the clickstream so far.
CREATE TABLE features AS
WITH applicants AS (
    SELECT loan_id, customer_id, snapshot_date FROM loans WHERE month_on_book = 0
), seen AS (
    SELECT a.customer_id, a.snapshot_date, count(*) AS clickstream_months,
        max(c.snapshot_date) AS clickstream_until,
        sum(COLUMNS('fe_.*')) / nullif(count(COLUMNS('fe_.*')), 0),
        count(COLUMNS('(fe_.*)')) AS '\1_count',
        sum(COLUMNS('(fe_.*)')::HUGEINT ** 2) AS '\1_squares'
    FROM (SELECT DISTINCT customer_id, snapshot_date FROM applicants) a
    JOIN clickstream c ON c.customer_id = a.customer_id AND c.snapshot_date <= a.snapshot_date
    GROUP BY a.customer_id, a.snapshot_date
)
SELECT a.loan_id, a.customer_id, a.snapshot_date, t.age,
    f.annual_income, f.monthly_inhand_salary, f.num_bank_accounts, f.num_credit_card,
    f.interest_rate, f.num_of_loan, f.delay_from_due_date, f.num_of_delayed_payment,
    f.changed_credit_limit, f.num_credit_inquiries, f.outstanding_debt,
    f.credit_utilization_ratio, f.credit_history_months, f.total_emi_per_month,
    f.amount_invested_monthly, f.monthly_balance,
    f.outstanding_debt / nullif(f.annual_income, 0) AS debt_to_income,
    f.total_emi_per_month / nullif(f.monthly_inhand_salary, 0) AS emi_to_income,
    f.monthly_balance / nullif(f.monthly_inhand_salary, 0) AS balance_to_income,
    f.delay_from_due_date / CASE WHEN f.num_of_loan < 1 THEN 1 ELSE f.num_of_loan END
        AS delay_per_loan,
    contains(f.types, 'Auto Loan')::DOUBLE AS loan_type_auto,
    contains(f.types, 'Credit-Builder Loan')::DOUBLE AS loan_type_credit_builder,
    contains(f.types, 'Debt Consolidation Loan')::DOUBLE AS loan_type_debt_consolidation,
    contains(f.types, 'Home Equity Loan')::DOUBLE AS loan_type_home_equity,
    contains(f.types, 'Mortgage Loan')::DOUBLE AS loan_type_mortgage,
    contains(f.types, 'Not Specified')::DOUBLE AS loan_type_not_specified,
    contains(f.types, 'Payday Loan')::DOUBLE AS loan_type_payday,
    contains(f.types, 'Personal Loan')::DOUBLE AS loan_type_personal,
    contains(f.types, 'Student Loan')::DOUBLE AS loan_type_student,
    (regexp_replace(f.types, 'Auto Loan|Credit-Builder Loan|Debt Consolidation Loan|'
        || 'Home Equity Loan|Mortgage Loan|Not Specified|Payday Loan|Personal Loan|Student Loan|'
        || ',|and|\s', '', 'g') <> '')::DOUBLE AS loan_type_other,
    s.fe_1 AS fe_1_mean, s.fe_2 AS fe_2_mean, s.fe_3 AS fe_3_mean, s.fe_4 AS fe_4_mean,
    s.fe_5 AS fe_5_mean, s.fe_6 AS fe_6_mean, s.fe_7 AS fe_7_mean, s.fe_8 AS fe_8_mean,
    s.fe_9 AS fe_9_mean, s.fe_10 AS fe_10_mean, s.fe_11 AS fe_11_mean, s.fe_12 AS fe_12_mean,
    s.fe_13 AS fe_13_mean, s.fe_14 AS fe_14_mean, s.fe_15 AS fe_15_mean, s.fe_16 AS fe_16_mean,
    s.fe_17 AS fe_17_mean, s.fe_18 AS fe_18_mean, s.fe_19 AS fe_19_mean, s.fe_20 AS fe_20_mean,
    t.occupation, f.credit_mix, f.payment_of_min_amount, f.spending_level, f.payment_size,
    coalesce(s.clickstream_months, 0) AS clickstream_months,
    coalesce(s.fe_1_count, 0) AS fe_1_count, coalesce(s.fe_2_count, 0) AS fe_2_count,
    coalesce(s.fe_3_count, 0) AS fe_3_count, coalesce(s.fe_4_count, 0) AS fe_4_count,
    coalesce(s.fe_5_count, 0) AS fe_5_count, coalesce(s.fe_6_count, 0) AS fe_6_count,
    coalesce(s.fe_7_count, 0) AS fe_7_count, coalesce(s.fe_8_count, 0) AS fe_8_count,
    coalesce(s.fe_9_count, 0) AS fe_9_count, coalesce(s.fe_10_count, 0) AS fe_10_count,
    coalesce(s.fe_11_count, 0) AS fe_11_count, coalesce(s.fe_12_count, 0) AS fe_12_count,
    coalesce(s.fe_13_count, 0) AS fe_13_count, coalesce(s.fe_14_count, 0) AS fe_14_count,
    coalesce(s.fe_15_count, 0) AS fe_15_count, coalesce(s.fe_16_count, 0) AS fe_16_count,
    coalesce(s.fe_17_count, 0) AS fe_17_count, coalesce(s.fe_18_count, 0) AS fe_18_count,
    coalesce(s.fe_19_count, 0) AS fe_19_count, coalesce(s.fe_20_count, 0) AS fe_20_count,
    coalesce(s.fe_1_squares, 0)::DOUBLE AS fe_1_sum_of_squares,
    coalesce(s.fe_2_squares, 0)::DOUBLE AS fe_2_sum_of_squares,
    coalesce(s.fe_3_squares, 0)::DOUBLE AS fe_3_sum_of_squares,
    coalesce(s.fe_4_squares, 0)::DOUBLE AS fe_4_sum_of_squares,
    coalesce(s.fe_5_squares, 0)::DOUBLE AS fe_5_sum_of_squares,
    coalesce(s.fe_6_squares, 0)::DOUBLE AS fe_6_sum_of_squares,
    coalesce(s.fe_7_squares, 0)::DOUBLE AS fe_7_sum_of_squares,
    coalesce(s.fe_8_squares, 0)::DOUBLE AS fe_8_sum_of_squares,
    coalesce(s.fe_9_squares, 0)::DOUBLE AS fe_9_sum_of_squares,
    coalesce(s.fe_10_squares, 0)::DOUBLE AS fe_10_sum_of_squares,
    coalesce(s.fe_11_squares, 0)::DOUBLE AS fe_11_sum_of_squares,
    coalesce(s.fe_12_squares, 0)::DOUBLE AS fe_12_sum_of_squares,
    coalesce(s.fe_13_squares, 0)::DOUBLE AS fe_13_sum_of_squares,
    coalesce(s.fe_14_squares, 0)::DOUBLE AS fe_14_sum_of_squares,
    coalesce(s.fe_15_squares, 0)::DOUBLE AS fe_15_sum_of_squares,
    coalesce(s.fe_16_squares, 0)::DOUBLE AS fe_16_sum_of_squares,
    coalesce(s.fe_17_squares, 0)::DOUBLE AS fe_17_sum_of_squares,
    coalesce(s.fe_18_squares, 0)::DOUBLE AS fe_18_sum_of_squares,
    coalesce(s.fe_19_squares, 0)::DOUBLE AS fe_19_sum_of_squares,
    coalesce(s.fe_20_squares, 0)::DOUBLE AS fe_20_sum_of_squares,
    t.customer_id IS NOT NULL AS has_attributes, f.customer_id IS NOT NULL AS has_financials,
    greatest(a.snapshot_date, coalesce(s.clickstream_until, a.snapshot_date)) AS latest_input_date
FROM applicants a
LEFT JOIN attributes t USING (customer_id, snapshot_date)
LEFT JOIN financials f USING (customer_id, snapshot_date)
LEFT JOIN seen s USING (customer_id, snapshot_date);

CREATE TABLE labels AS
SELECT loan_id, customer_id, snapshot_date, loan_start_date, days_past_due,
    (days_past_due >= 30)::BIGINT AS "default"
FROM loans WHERE month_on_book = 6;

-- The labels with what was known at application.
CREATE TABLE cohort AS
SELECT l.loan_id, l.customer_id, l.snapshot_date, l.loan_start_date AS application_date,
    l."default",
    f.* EXCLUDE (loan_id, customer_id, snapshot_date, has_attributes, has_financials)
FROM labels l
JOIN features f ON f.loan_id = l.loan_id AND f.snapshot_date = l.loan_start_date;
