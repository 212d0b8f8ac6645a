"""Deploys template.yaml to MiniStack, an emulator of AWS that others wrote, and calls the services.

    rehearse.py TEMPLATE EXECUTABLES SAM FOLDER

EXECUTABLES is where those of the services are, SAM the `sam` command, FOLDER for all files of the
run. Ends with 1 if anything is not as it should be.
"""

import json
import os
import pathlib
import socket
import subprocess
import sys
import time
import urllib.request

import boto3
from samtranslator.yaml_helper import yaml_parse

import calls
from issuer import Issuer

REGION = "us-east-1"
STACK = "headwater"
AUDIENCE = "headwater"
SENDER = "invoices@example.com"
PATIENCE = 120
"""Seconds for the emulator to start, and for the stack to be there."""


def main():
    template, executables, sam, folder = (pathlib.Path(argument) for argument in sys.argv[1:])
    issuer = Issuer(folder)
    with Emulator(folder, issuer) as emulator:
        prepare(template, executables, folder)
        deploy(emulator, sam, folder, issuer)
        complete_gateway(emulator, issuer)
        api = emulator.client("apigatewayv2").get_apis()["Items"][0]
        calls.run(f"http://127.0.0.1:{emulator.port}", api["ApiId"], issuer, emulator)


class Emulator:
    """MiniStack on a port of its own, with the checks of IAM on."""

    def __init__(self, folder, issuer):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = os.environ | {
            "AWS_ACCESS_KEY_ID": "rehearsal",
            "AWS_SECRET_ACCESS_KEY": "rehearsal",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": self.url,
        }
        self.log = open(folder / "emulator.log", "w")
        # In a group of its own, so that the processes of functions end with it.
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ministack"],
            cwd=folder,
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
            env=self.environment
            | {
                "AUTH": "true",
                "BIND_HOST": "127.0.0.1",
                "GATEWAY_PORT": str(self.port),
                "LAMBDA_EXECUTOR": "local",
                "SSL_CERT_FILE": str(issuer.certificate),
                "STATE_DIR": str(folder / "state"),
                "TMPDIR": str(folder),
            },
        )

    def __enter__(self):
        wait("the emulator", lambda: urllib.request.urlopen(f"{self.url}/_ministack/health"))
        return self

    def __exit__(self, *_):
        os.killpg(self.process.pid, 9)
        self.process.wait()

    def sent_mails(self):
        """The mails that were handed to SES."""
        answer = urllib.request.urlopen(f"{self.url}/_ministack/ses/messages")
        by_account = json.loads(answer.read())["messages"]
        return [mail for mails in by_account.values() for mail in mails]

    def client(self, service):
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id="rehearsal",
            aws_secret_access_key="rehearsal",
        )


def prepare(template, executables, folder):
    """Writes the template as the emulator takes it, and what stands for the artifacts."""
    template = yaml_parse(template.read_text())
    for name, resource in list(template["Resources"].items()):
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::CloudWatch::Alarm" and "Metrics" in properties:
            print(f"left out, since the emulator has no alarms on metric math: {name}")
            del template["Resources"][name]
        if resource["Type"] == "AWS::Serverless::Function":
            write_bootstrap(folder / properties["CodeUri"], executables)
        if resource["Type"] != "AWS::IAM::Role":
            continue
        for policy in properties.get("Policies", []):
            statements = policy["PolicyDocument"]["Statement"]
            if any(one["Action"] == "ses:SendRawEmail" for one in statements):
                print(f"added, since the emulator asks for it instead: ses:SendEmail to {name}")
                statements.append({"Effect": "Allow", "Action": "ses:SendEmail", "Resource": "*"})
    (folder / "template.json").write_text(json.dumps(template))


def write_bootstrap(code, executables):
    """What starts the executable of this machine in the place of the artifact, which is for
    another processor, and too large to be packed for each function."""
    code.mkdir(parents=True, exist_ok=True)
    bootstrap = code / "bootstrap"
    bootstrap.write_text(f'#!/bin/sh\nexec "{executables / code.name}"\n')
    bootstrap.chmod(0o755)


def deploy(emulator, sam, folder, issuer):
    parameters = {
        "JwtIssuer": issuer.url,
        "JwtAudience": AUDIENCE,
        "UniqueValueKey": "rehearsal-" * 4,
        "GrantKey": "rehearsed-" * 4,
        "PersonalKey": "personal-" * 4,
        "MailFrom": SENDER,
        "MailIdentity": SENDER,
    }
    emulator.client("ses").verify_email_identity(EmailAddress=SENDER)
    subprocess.run(
        [sam, "deploy", "--template-file", folder / "template.json", "--stack-name", STACK]
        + ["--capabilities", "CAPABILITY_IAM", "--resolve-s3", "--no-progressbar"]
        + ["--parameter-overrides"]
        + [f"{name}={value}" for name, value in parameters.items()],
        cwd=folder,
        env=emulator.environment | {"SAM_CLI_TELEMETRY": "0"},
        stdout=open(folder / "sam.log", "w"),
        stderr=subprocess.STDOUT,
        check=True,
    )
    resources = emulator.client("cloudformation").get_paginator("list_stack_resources")
    resources = list(resources.paginate(StackName=STACK).search("StackResourceSummaries"))
    wrong = [one for one in resources if one["ResourceStatus"] != "CREATE_COMPLETE"]
    assert not wrong, wrong
    print(f"deployed: {len(resources)} resources")


def complete_gateway(emulator, issuer):
    """Makes the authorizer and the routes that the `Body` of the API describes, which the emulator
    ignores."""
    gateway = emulator.client("apigatewayv2")
    api = gateway.get_apis()["Items"][0]["ApiId"]
    if gateway.get_routes(ApiId=api)["Items"]:
        sys.exit("the emulator has made routes by itself: leave this step out from now on")
    processed = emulator.client("cloudformation").get_template(
        StackName=STACK, TemplateStage="Processed"
    )["TemplateBody"]
    processed = processed if isinstance(processed, dict) else json.loads(processed)
    body = processed["Resources"]["Api"]["Properties"]["Body"]
    authorizer = gateway.create_authorizer(
        ApiId=api,
        Name="Jwt",
        AuthorizerType="JWT",
        IdentitySource=["$request.header.Authorization"],
        JwtConfiguration={"Issuer": issuer.url, "Audience": [AUDIENCE]},
    )["AuthorizerId"]
    functions = {
        one["FunctionName"]: one["FunctionArn"]
        for page in emulator.client("lambda").get_paginator("list_functions").paginate()
        for one in page["Functions"]
    }
    physical = {
        one["LogicalResourceId"]: one["PhysicalResourceId"]
        for page in emulator.client("cloudformation")
        .get_paginator("list_stack_resources")
        .paginate(StackName=STACK)
        for one in page["StackResourceSummaries"]
    }
    integrations = {}
    count = 0
    for path, methods in body["paths"].items():
        for method, operation in methods.items():
            uri = operation["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"]
            logical = uri.split("${")[-1].split(".Arn")[0]
            if logical not in integrations:
                integrations[logical] = gateway.create_integration(
                    ApiId=api,
                    IntegrationType="AWS_PROXY",
                    IntegrationUri=functions[physical[logical]],
                    PayloadFormatVersion="2.0",
                )["IntegrationId"]
            checked = (
                {"AuthorizationType": "JWT", "AuthorizerId": authorizer}
                if any("Jwt" in one for one in operation.get("security", []))
                else {"AuthorizationType": "NONE"}
            )
            gateway.create_route(
                ApiId=api,
                RouteKey=f"{method.upper()} {path}",
                Target=f"integrations/{integrations[logical]}",
                **checked,
            )
            count += 1
    print(f"routes: {count}, of {len(integrations)} functions")


def wait(what, look):
    start = time.time()
    while True:
        try:
            return look()
        except OSError as error:
            if time.time() - start > PATIENCE:
                sys.exit(f"not within {PATIENCE} seconds: {what}: {error}")
            time.sleep(0.2)


if __name__ == "__main__":
    main()
