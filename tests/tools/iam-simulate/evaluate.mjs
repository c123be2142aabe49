// Reads {policies, boundary, requests} and writes one answer for each request: "Allowed", a kind of
// denial, or the errors of a request that AWS would not know.
import { readFileSync } from 'node:fs'
import { runSimulation } from '@cloud-copilot/iam-simulate'

const ACCOUNT = '123456789012'
const { policies, boundary, requests } = JSON.parse(readFileSync(0, 'utf8'))
const named = (each) => each.map((policy, index) => ({ name: `policy-${index}`, policy }))
const answers = []
for (const { action, resource, context } of requests) {
  const { errors, resultType, overallResult, analysis } = await runSimulation(
    {
      request: {
        principal: `arn:aws:iam::${ACCOUNT}:role/operator`,
        action,
        resource: { resource, accountId: ACCOUNT },
        contextVariables: context
      },
      identityPolicies: named(policies),
      permissionBoundaryPolicies: boundary ? named([boundary]) : undefined,
      serviceControlPolicies: [],
      resourceControlPolicies: []
    },
    {}
  )
  answers.push(errors ? JSON.stringify(errors) : (overallResult ?? analysis?.result ?? resultType))
}
process.stdout.write(JSON.stringify(answers))
