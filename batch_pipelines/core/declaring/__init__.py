"""What all declarations have in common: YAML with line numbers, refusals in words, and what is written as text.

catalog       every pipeline of one kind, by name
declared      keys that every pipeline has  fields        types of keys that several have
names         how a name is written         owners        whose a pipeline is
yaml_files    YAML read with positions      key_problems  a model's complaints in words
quantities    `5%`, `4m30s`, `16MB`         rates         `20/s`
cron          schedules                     time_limits   soft and hard
windows       months, weeks, days, hours    partitions    which of them there are
"""
