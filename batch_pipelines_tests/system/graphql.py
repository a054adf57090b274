"""What tests ask Dagster's GraphQL interface. Texts only."""

_REPOSITORY = 'repositoryName: "__repository__", repositoryLocationName: "batch_pipelines"'

LAUNCH = f"""
mutation launch($job: String!, $config: RunConfigData!, $tags: [ExecutionTag!]) {{
  launchRun(executionParams: {{
    selector: {{{_REPOSITORY}, jobName: $job}}, runConfigData: $config, executionMetadata: {{tags: $tags}}
  }}) {{
    __typename
    ... on LaunchRunSuccess {{ run {{ runId }} }}
    ... on PythonError {{ message }}
    ... on RunConfigValidationInvalid {{ errors {{ message }} }}
  }}
}}"""

BACKFILL = """
mutation backfill($assets: [AssetKeyInput!]!, $partitions: [String!]!) {
  launchPartitionBackfill(backfillParams: {assetSelection: $assets, partitionNames: $partitions}) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
  }
}"""

RUN = """
query run($run: ID!) {
  runOrError(runId: $run) { ... on Run { runId status jobName tags { key value } } }
}"""

RUNS = """
query runs($tags: [ExecutionTag!]) {
  runsOrError(filter: {tags: $tags}, limit: 100) {
    ... on Runs { results { runId status jobName tags { key value } } }
  }
}"""

LOGS = """
query logs($run: ID!) {
  logsForRun(runId: $run, limit: 1000) {
    ... on EventConnection { events { ... on MessageEvent { message } ... on ErrorEvent { error { message } } } }
  }
}"""

TICKS = f"""
query ticks($sensor: String!) {{
  sensorOrError(sensorSelector: {{{_REPOSITORY}, sensorName: $sensor}}) {{
    ... on Sensor {{ sensorState {{ status ticks(limit: 20) {{ status skipReason runIds error {{ message }} }} }} }}
  }}
}}"""
