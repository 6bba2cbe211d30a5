"""The kinds of panel that our dashboards are made of, each with one look."""

from collections.abc import Mapping
from string import ascii_uppercase

from grafana_foundation_sdk.builders import bargauge, stat, timeseries
from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery as AnyDataquery
from grafana_foundation_sdk.models import common, dashboard

DATA_SOURCE_UID = "prometheus"

Queries = Mapping[str, str]
"""Legend → PromQL."""


def data_source() -> dashboard.DataSourceRef:
    """The provisioned Prometheus."""
    return dashboard.DataSourceRef(type_val="prometheus", uid=DATA_SOURCE_UID)


def _targets(queries: Queries, *, instant: bool = False) -> list[Builder[AnyDataquery]]:
    targets: list[Builder[AnyDataquery]] = []
    for letter, (legend, expression) in zip(ascii_uppercase, queries.items(), strict=False):
        target = Dataquery().expr(expression).legend_format(legend).ref_id(letter)
        targets.append(target.instant() if instant else target.range())
    return targets


def thresholds_at(*steps: tuple[float | None, str]) -> builders.ThresholdsConfig:
    """Colours from values on; the first value is None, for everything below."""
    return (
        builders.ThresholdsConfig()
        .mode(dashboard.ThresholdsMode.ABSOLUTE)
        .steps([dashboard.Threshold(value=value, color=color) for value, color in steps])
    )


def _last() -> common_builders.ReduceDataOptions:
    return common_builders.ReduceDataOptions().calcs(["lastNotNull"])


def number(
    title: str,
    description: str,
    expression: str,
    *,
    unit: str = "short",
    thresholds: builders.ThresholdsConfig | None = None,
) -> stat.Panel:
    """One number, large, over its recent course."""
    return (
        stat.Panel()
        .title(title)
        .description(description)
        .datasource(data_source())
        .targets(_targets({title: expression}))
        .unit(unit)
        .reduce_options(_last())
        .graph_mode(common.BigValueGraphMode.AREA)
        .color_mode(common.BigValueColorMode.VALUE)
        .thresholds(thresholds or thresholds_at((None, "green")))
        .height(4)
        .span(4)
    )


def series(
    title: str,
    description: str,
    queries: Queries,
    *,
    unit: str = "short",
    stacked: bool = False,
    width: int = 8,
) -> timeseries.Panel:
    """Lines over time, or areas one upon the other."""
    stacking = common.StackingMode.NORMAL if stacked else common.StackingMode.NONE
    return (
        timeseries.Panel()
        .title(title)
        .description(description)
        .datasource(data_source())
        .targets(_targets(queries))
        .unit(unit)
        .min(0)
        .fill_opacity(30 if stacked else 8)
        .stacking(common_builders.StackingConfig().mode(stacking))
        .legend(
            common_builders.VizLegendOptions()
            .show_legend(True)
            .display_mode(common.LegendDisplayMode.LIST)
            .placement(common.LegendPlacement.BOTTOM)
        )
        .tooltip(common_builders.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI))
        .height(7)
        .span(width)
    )


def bars(
    title: str,
    description: str,
    queries: Queries,
    *,
    unit: str = "short",
    thresholds: builders.ThresholdsConfig | None = None,
) -> bargauge.Panel:
    """One bar for each value now."""
    return (
        bargauge.Panel()
        .title(title)
        .description(description)
        .datasource(data_source())
        .targets(_targets(queries, instant=True))
        .unit(unit)
        .min(0)
        .orientation(common.VizOrientation.HORIZONTAL)
        .display_mode(common.BarGaugeDisplayMode.BASIC)
        .reduce_options(_last())
        .thresholds(thresholds or thresholds_at((None, "blue")))
        .height(7)
        .span(8)
    )
