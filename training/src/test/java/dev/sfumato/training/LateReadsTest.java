package dev.sfumato.training;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sfumato.SfumatoException;
import dev.sfumato.tensor.Autograd;
import dev.sfumato.tensor.DType;
import dev.sfumato.tensor.Moves;
import dev.sfumato.tensor.OptimizerKernels;
import dev.sfumato.tensor.ProcessGroup;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.StandInCard;
import dev.sfumato.tensor.Tensor;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** An optimiser step whose loss and gradient norm the host reads only at its end. */
class LateReadsTest {
  private static final ProcessGroup ALONE = ProcessGroup.alone();

  @Test
  void anAcceptedStepChangesTheWeightsAndARefusedOneNothing() {
    try (Scope scope = Scope.open();
        Rng rng = new Rng(1)) {
      Tensor weight = rng.normal(4, 3).requiresGrad(true);
      Tensor start = weight.detach().copy();
      try (Adam adam = new Adam(Map.of("w", weight), Optimizer.Settings.adamW())) {
        for (double accepted : new double[] {0, 1}) {
          weight.square().mean().backward();
          adam.step(adam.gradients(), name -> 1e-2, Tensor.scalar(accepted));
          assertThat(Autograd.gathered(weight)).isEmpty();
          assertThat(adam.state().get("step.w").item()).isEqualTo(accepted);
          boolean same = weight.detach().sub(start).abs().max().item() == 0;
          assertThat(same).isEqualTo(accepted == 0);
          assertThat(adam.state().get("exp_avg.w").norm().item() == 0).isEqualTo(accepted == 0);
        }
      }
    }
  }

  /** The factor of PyTorch's {@code clip_grad_norm_}. */
  @ParameterizedTest
  @ValueSource(doubles = {0.1, 1, 4.999999, 5, 5.1, 100})
  void gradientsAreScaledToTheirLargestNorm(double most) {
    try (Scope scope = Scope.open()) {
      Tensor three = Tensor.scalar(3).reshape(1, 1);
      Tensor four = Tensor.scalar(-4);
      List<Tensor> gradients = List.of(three, four);
      OptimizerKernels.clip_(gradients, OptimizerKernels.norm(gradients), most);
      float factor = (float) Math.min(1, most / (5.0 + 1e-6));
      assertThat(three.item()).isEqualTo((double) (3 * factor));
      assertThat(four.item()).isEqualTo((double) (-4 * factor));
    }
  }

  @ParameterizedTest
  @ValueSource(doubles = {Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY})
  void aLossOrANormThatIsNotFiniteIsRefused(double wrong) {
    try (Scope scope = Scope.open()) {
      Tensor one = Tensor.scalar(1);
      StepLoss good = new StepLoss();
      good.add(one, 2);
      good.add(Tensor.full(3, 1).to(DType.FLOAT64), 4);
      assertThat(good.accepted(one, ALONE).item()).isEqualTo(1);
      assertThat(good.accepted(Tensor.scalar(wrong), ALONE).item()).isEqualTo(0);
      assertThat(good.read(Tensor.scalar(7))).isEqualTo(new StepLoss.Read(1.0 / 2 + 3.0 / 4, 7));
      StepLoss bad = new StepLoss();
      bad.add(one, 2);
      bad.add(Tensor.scalar(wrong), 2);
      assertThat(bad.accepted(one, ALONE).item()).isEqualTo(0);
    }
  }

  @Test
  void nothingIsReadFromACardBeforeTheEnd() {
    try (Scope scope = Scope.open()) {
      Tensor number = Tensor.zeros(StandInCard.DEVICE);
      long read = Moves.read();
      long sent = Moves.sent();
      StepLoss loss = new StepLoss();
      loss.add(number, 2);
      loss.add(number, 2);
      assertThat(loss.accepted(number, ALONE).device()).isEqualTo(StandInCard.DEVICE);
      assertThat(Moves.read()).isEqualTo(read);
      assertThrows(SfumatoException.class, () -> loss.read(number)); // the stand-in has no numbers
      assertThat(Moves.read()).isEqualTo(read + 1);
      assertThat(Moves.sent()).isEqualTo(sent);
    }
  }

  /** The stand-in has neither Adam's kernel nor the absolute values of Prodigy's last sum. */
  @ParameterizedTest
  @EnumSource(names = {"PRODIGY", "ADAFACTOR"})
  void anOptimizerMovesNothing(Optimizer.Rule rule) {
    try (Scope scope = Scope.open()) {
      Map<String, Tensor> weights =
          Map.of("matrix", Tensor.zeros(StandInCard.DEVICE, 8, 6).requiresGrad(true));
      try (Optimizer optimizer = Optimizer.of(weights, Optimizer.Settings.of(rule))) {
        long moves = Moves.sent() + Moves.read();
        Tensor accepted = Tensor.full(StandInCard.DEVICE, 1);
        Map<String, Tensor> gradients = Map.of("matrix", Autograd.zero(weights.get("matrix")));
        Executable step =
            () -> {
              optimizer.step(gradients, name -> 1e-2, accepted);
              optimizer.finish(accepted);
            };
        if (rule == Optimizer.Rule.PRODIGY) {
          assertThat(assertThrows(SfumatoException.class, step)).hasMessageThat().contains("abs");
        } else {
          assertDoesNotThrow(step);
        }
        assertThat(Moves.sent() + Moves.read()).isEqualTo(moves);
      }
    }
  }
}
