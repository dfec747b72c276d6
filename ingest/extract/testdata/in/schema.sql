-- People.
CREATE TABLE IF NOT EXISTS people (
  id int
);

create or replace view adults as select 1;
