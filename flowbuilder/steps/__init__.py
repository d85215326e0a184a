"""The step types: one a file. Third parties add theirs by an entry point in the group `flowbuilder.steps`."""

from flowbuilder.step import Step
from flowbuilder.steps.api import Api
from flowbuilder.steps.cms import CmsStep
from flowbuilder.steps.code import Code
from flowbuilder.steps.conditional import Conditional
from flowbuilder.steps.gsc import Gsc
from flowbuilder.steps.human_review import HumanReview
from flowbuilder.steps.iteration import Iteration
from flowbuilder.steps.llm import Llm
from flowbuilder.steps.mcp import Mcp
from flowbuilder.steps.mcp_code import McpCode
from flowbuilder.steps.mcp_llm import McpLlm
from flowbuilder.steps.page import Page
from flowbuilder.steps.workflow import Workflow

BUILT_IN: dict[str, type[Step]] = {
    "api": Api,
    "cms": CmsStep,
    "code": Code,
    "conditional": Conditional,
    "gsc": Gsc,
    "human_review": HumanReview,
    "iteration": Iteration,
    "llm": Llm,
    "mcp": Mcp,
    "mcp_code": McpCode,
    "mcp_llm": McpLlm,
    "page": Page,
    "workflow": Workflow,
}
