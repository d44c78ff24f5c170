-- One role and one database a service; passwords come from the environment. Run on an empty volume
-- by the image; safe to run again, for a new password for example:
--   docker compose exec postgres psql --username postgres --file /docker-entrypoint-initdb.d/roles.sql
\set ON_ERROR_STOP on
\getenv dagster_password DAGSTER_DB_PASSWORD
\getenv mlflow_password MLFLOW_DB_PASSWORD
\getenv monitoring_password MONITORING_DB_PASSWORD
\getenv grafana_password GRAFANA_DB_PASSWORD

SELECT format('CREATE ROLE %I LOGIN', role)
FROM unnest(ARRAY['dagster', 'mlflow', 'monitoring', 'grafana']) AS role
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role)
\gexec

ALTER ROLE dagster PASSWORD :'dagster_password';
ALTER ROLE mlflow PASSWORD :'mlflow_password';
ALTER ROLE monitoring PASSWORD :'monitoring_password';
ALTER ROLE grafana PASSWORD :'grafana_password';

SELECT format('CREATE DATABASE %I OWNER %I', name, name)
FROM unnest(ARRAY['dagster', 'mlflow', 'monitoring']) AS name
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = name)
\gexec

REVOKE ALL ON DATABASE dagster, mlflow, monitoring FROM PUBLIC;

-- Grafana reads what the platform writes to monitoring, and nothing else.
ALTER ROLE grafana SET default_transaction_read_only = on;
GRANT CONNECT ON DATABASE monitoring TO grafana;
\connect monitoring
GRANT USAGE ON SCHEMA public TO grafana;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO grafana;
ALTER DEFAULT PRIVILEGES FOR ROLE monitoring IN SCHEMA public GRANT SELECT ON TABLES TO grafana;
