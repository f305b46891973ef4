-- Functions that expressions compile to. They give what cql2.Eval gives, and
-- null where PostgreSQL's own operators would raise an error.

-- Text folding from the tables of core/value. None is STRICT, so that PostgreSQL
-- can put the body in the place of the call.
CREATE FUNCTION huong.fold_case(s text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $f$
	SELECT CASE WHEN octet_length(s) = char_length(s) THEN lower(s COLLATE "C")
		ELSE translate(s, '%case_from%', '%case_to%') END
$f$;

CREATE FUNCTION huong.upper_case(s text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $f$
	SELECT CASE WHEN octet_length(s) = char_length(s) THEN upper(s COLLATE "C")
		ELSE translate(s, '%upper_from%', '%upper_to%') END
$f$;

CREATE FUNCTION huong.fold_accents(s text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $f$
	SELECT CASE WHEN octet_length(s) = char_length(s) THEN s
		ELSE translate(s, '%accent_from%%marks%', '%accent_to%') END
$f$;

-- compare orders an integer and a float without rounding the integer.
CREATE FUNCTION huong.compare(i bigint, f double precision) RETURNS int LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $f$
	SELECT CASE
		WHEN i IS NULL OR f IS NULL THEN NULL
		WHEN f >= 9223372036854775808::double precision THEN -1
		WHEN f < -9223372036854775808::double precision THEN 1
		WHEN i < trunc(f)::bigint THEN -1
		WHEN i > trunc(f)::bigint THEN 1
		WHEN f > trunc(f) THEN -1
		WHEN f < trunc(f) THEN 1
		ELSE 0 END
$f$;

-- Arithmetic in double precision. The common case is an inlined expression; the
-- edges, where PostgreSQL may raise 22003, go through a function that catches it.
-- Catching is a subtransaction, which no parallel plan may hold: none of these
-- is parallel safe.
CREATE FUNCTION huong.num_edge(op text, x double precision, y double precision) RETURNS double precision
LANGUAGE plpgsql IMMUTABLE STRICT AS $f$
BEGIN
	CASE op
		WHEN '+' THEN RETURN x + y;
		WHEN '-' THEN RETURN x - y;
		WHEN '*' THEN RETURN x * y;
		WHEN '/' THEN RETURN x / y;
		ELSE RETURN nullif(nullif(nullif(power(x, y), 'infinity'), '-infinity'), 'NaN');
	END CASE;
EXCEPTION
	WHEN numeric_value_out_of_range THEN
		-- Too small a result is zero, too large a one is unknown.
		RETURN CASE op
			WHEN '*' THEN CASE WHEN abs(x) > 1 AND abs(y) > 1 THEN NULL ELSE 0 END
			WHEN '/' THEN CASE WHEN abs(x) > abs(y) THEN NULL ELSE 0 END
			WHEN '^' THEN CASE WHEN (abs(x) > 1) = (y > 0) THEN NULL ELSE 0 END
			ELSE NULL END;
	WHEN data_exception THEN
		RETURN NULL;
END
$f$;

CREATE FUNCTION huong.num_add(x double precision, y double precision) RETURNS double precision LANGUAGE sql IMMUTABLE AS $f$
	SELECT CASE WHEN abs(x) < 1e300 AND abs(y) < 1e300 THEN x + y ELSE huong.num_edge('+', x, y) END
$f$;
CREATE FUNCTION huong.num_sub(x double precision, y double precision) RETURNS double precision LANGUAGE sql IMMUTABLE AS $f$
	SELECT CASE WHEN abs(x) < 1e300 AND abs(y) < 1e300 THEN x - y ELSE huong.num_edge('-', x, y) END
$f$;
CREATE FUNCTION huong.num_mul(x double precision, y double precision) RETURNS double precision LANGUAGE sql IMMUTABLE AS $f$
	SELECT CASE WHEN abs(x) BETWEEN 1e-150 AND 1e150 AND abs(y) BETWEEN 1e-150 AND 1e150 OR x = 0 OR y = 0 THEN x * y
		ELSE huong.num_edge('*', x, y) END
$f$;
CREATE FUNCTION huong.num_div(x double precision, y double precision) RETURNS double precision LANGUAGE sql IMMUTABLE AS $f$
	SELECT CASE WHEN y = 0 THEN NULL
		WHEN abs(x) BETWEEN 1e-150 AND 1e150 AND abs(y) BETWEEN 1e-150 AND 1e150 OR x = 0 THEN x / y
		ELSE huong.num_edge('/', x, y) END
$f$;
CREATE FUNCTION huong.num_quo(x double precision, y double precision) RETURNS double precision LANGUAGE sql IMMUTABLE AS $f$
	SELECT trunc(huong.num_div(x, y))
$f$;
CREATE FUNCTION huong.num_mod(x double precision, y double precision) RETURNS double precision LANGUAGE sql IMMUTABLE AS $f$
	SELECT huong.num_sub(x, huong.num_mul(y, trunc(huong.num_div(x, y))))
$f$;
CREATE FUNCTION huong.num_pow(x double precision, y double precision) RETURNS double precision LANGUAGE sql IMMUTABLE AS $f$
	SELECT CASE WHEN x BETWEEN 1e-3 AND 1e3 AND abs(y) < 100 THEN power(x, y) ELSE huong.num_edge('^', x, y) END
$f$;
-- num_round rounds halves away from zero.
CREATE FUNCTION huong.num_round(x double precision) RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $f$
	SELECT trunc(x) + CASE WHEN abs(x - trunc(x)) >= 0.5 THEN sign(x) ELSE 0 END
$f$;

-- item is the form of one JSON number in a set: n and the bits of its double.
CREATE FUNCTION huong.item(s text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT AS $f$
BEGIN
	RETURN 'n' || encode(float8send(s::double precision + 0), 'hex');
EXCEPTION WHEN numeric_value_out_of_range THEN
	-- What is too small is zero; what is too large is no number.
	RETURN CASE WHEN s ~ '[eE]-' OR s ~ '^-?0[.]' THEN 'n0000000000000000' END;
END
$f$;

-- items is the set of texts, numbers and truth values in the text of a JSON
-- array; null when it is no such text.
CREATE FUNCTION huong.items(j text) RETURNS text[] LANGUAGE plpgsql IMMUTABLE STRICT AS $f$
BEGIN
	IF left(j, 1) <> '[' THEN
		RETURN NULL;
	END IF;
	RETURN ARRAY(
		SELECT i FROM (SELECT CASE json_typeof(e)
				WHEN 'string' THEN 's' || (e #>> '{}')
				WHEN 'number' THEN huong.item(e #>> '{}')
				WHEN 'boolean' THEN 'b' || (e #>> '{}') END
			FROM json_array_elements(j::json) AS e
			WHERE strpos(e::text, '\u0000') = 0) AS x(i)
		WHERE i IS NOT NULL);
EXCEPTION WHEN data_exception THEN
	RETURN NULL;
END
$f$;
