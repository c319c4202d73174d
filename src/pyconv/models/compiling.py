"""compile, and what a model keeps of it: optimizer, losses and metrics. Takes no step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyconv import optimizers
from pyconv.layers.layer import Layer
from pyconv.metrics import Mean, Metric
from pyconv.models.compiled_losses import CompiledLosses
from pyconv.models.compiled_metrics import CompiledMetrics
from pyconv.ops.geometry import integer


class Compiled(Layer):
    """A layer that can be told how it is to be trained."""

    _has_layers = True

    def __init__(self, *, name: str | None = None, trainable: bool = True, **kwargs: Any) -> None:
        super().__init__(name=name, trainable=trainable, **kwargs)
        self.optimizer: optimizers.Optimizer | None = None
        self.loss: Any = None
        self.compiled = False
        self._loss_tracker = Mean(name="loss")
        self._compiled_loss: CompiledLosses | None = None
        self._compiled_metrics = CompiledMetrics(self._op, None, None)
        self._compile_arguments: dict[str, Any] = {}

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: str | bool = "auto",
        auto_scale_loss: bool = True,
    ) -> None:
        """Says how the model is to be trained. The optimizer's state and the metrics begin anew.

        With several outputs, loss, loss_weights, metrics and weighted_metrics may be lists in the order of the
        outputs or dictionaries by their names; None stands for none.

        Args:
            optimizer: what changes the weights, an optimizer or its name.
            loss: what becomes small, a loss, its name or a function (y_true, y_pred) -> one number a sample; one for
                all outputs, or one for each, which are added up. None where `add_loss` or `compute_loss` says it all.
            loss_weights: factors of the outputs' losses.
            metrics: what else is reported, metrics or their names; "accuracy" is the one that fits the labels.
            weighted_metrics: metrics that are told sample_weight and class_weight.
            run_eagerly: taken and kept; everything runs as it is written, so there is no other way to run.
            steps_per_execution: taken and kept; callbacks hear of every batch whatever it says.
            jit_compile: taken and kept; nothing is compiled.
            auto_scale_loss: taken; it concerns 16-bit training, which isn't there.

        Raises:
            TypeError: if an argument is of a wrong type.
            ValueError: if a name is unknown.
        """
        integer(self._op, "steps_per_execution", steps_per_execution)
        made = optimizers.get(optimizer)
        compiled_loss = None if loss is None else CompiledLosses(self._op, loss, loss_weights)
        compiled_metrics = CompiledMetrics(self._op, metrics, weighted_metrics)
        # Nothing of the model has changed so far: a refused argument leaves it as it was.
        self.optimizer, self.loss = made, loss
        self._compiled_loss, self._compiled_metrics = compiled_loss, compiled_metrics
        self._loss_tracker = Mean(name="loss")
        self.run_eagerly, self.jit_compile = bool(run_eagerly), jit_compile
        self.steps_per_execution = steps_per_execution
        self.compiled = True
        self._compile_arguments = {
            "optimizer": made,
            "loss": loss,
            "loss_weights": loss_weights,
            "metrics": metrics,
            "weighted_metrics": weighted_metrics,
            "run_eagerly": self.run_eagerly,
            "steps_per_execution": steps_per_execution,
            "jit_compile": False if jit_compile == "auto" else bool(jit_compile),
        }

    @property
    def metrics(self) -> list[Metric]:
        """All metrics: the loss' mean, those given to `compile`, each output's loss, and attributes that are metrics.

        Those of several outputs are known from the first batch on.
        """
        found: list[Metric] = []
        if self.compiled:
            found += [self._loss_tracker, *self._compiled_metrics.metrics]
            found += [] if self._compiled_loss is None else self._compiled_loss.metrics
        own = [each for name, each in vars(self).items() if isinstance(each, Metric) and name != "_loss_tracker"]
        return found + own

    @property
    def metrics_names(self) -> list[str]:
        """The names of what `evaluate` returns, in its order."""
        return _ordered([name for name, _ in self.named_metrics()], self.metrics)

    def reset_metrics(self) -> None:
        """Makes all metrics forget their batches."""
        for metric in self.metrics:
            metric.reset_state()

    def get_metrics_result(self) -> dict[str, Any]:
        """Each metric's result so far, by its name in logs."""
        logs: dict[str, Any] = {}
        for name, metric in self.named_metrics():
            result = metric.result()
            logs |= result if isinstance(result, dict) else {name: result}
        return logs

    def get_compile_config(self) -> dict[str, Any]:
        """What `compile` was told, as Keras writes it into files; empty if it wasn't called.

        Raises:
            TypeError: if something has no configuration.
        """
        from pyconv.saving import serialize_keras_object  # noqa: PLC0415 - so that `import pyconv` stays light

        if not self.compiled:
            return {}
        others = {key: value for key, value in self._compile_arguments.items() if key != "optimizer"}
        described: dict[str, Any] = serialize_keras_object(others)
        return {"optimizer": optimizers.serialize(self._compile_arguments["optimizer"]), **described}

    def compile_from_config(self, config: Mapping[str, Any]) -> None:
        """Calls `compile` with what `get_compile_config`, or Keras', returned, and makes the optimizer's state.

        Raises:
            ValueError: if it names something that isn't known.
        """
        from pyconv.saving import deserialize_keras_object  # noqa: PLC0415 - see get_compile_config

        arguments = {key: deserialize_keras_object(value) for key, value in config.items() if key != "optimizer"}
        self.compile(optimizers.get(config["optimizer"]), **arguments)
        if self.built and self.optimizer is not None:
            self.optimizer.build(self.trainable_weights)

    def named_metrics(self) -> list[tuple[str, Metric]]:
        """All metrics with their names in logs: with several outputs, the output's name and the metric's."""
        return [(self._compiled_metrics.names.get(metric, metric.name), metric) for metric in self.metrics]

    def _output_names(self) -> list[str]:
        return []

    def _flat_logs(self, logs: Mapping[str, Any]) -> Any:
        """The logs as `evaluate` returns them: the loss alone, or a list in Keras' order."""
        values = [logs[name] for name in _ordered(list(logs), self.metrics)]
        return values[0] if len(values) == 1 else values


def _ordered(names: list[str], metrics: list[Metric]) -> list[str]:
    """Names of logs in Keras' order: metrics that are called so, then the others, sorted."""
    first = [metric.name for metric in metrics if metric.name in names]
    return list(dict.fromkeys(first)) + sorted(set(names) - set(first))
