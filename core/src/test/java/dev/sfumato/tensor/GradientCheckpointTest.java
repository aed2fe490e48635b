package dev.sfumato.tensor;

import static com.google.common.truth.Truth.assertThat;
import static dev.sfumato.tensor.TensorSubject.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sfumato.SfumatoException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import org.bytedeco.pytorch.AutogradState;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class GradientCheckpointTest {
  private static final Optional<Rng> NO_RANDOM = Optional.empty();

  @BeforeEach
  void oneThread() {
    Engine.threads(1);
  }

  /** Gradients of x, y and w of a computation with {@code part} in its middle. */
  private static List<Tensor> gradients(Function<Part, Tensor> middle, Part part) {
    for (Tensor t : List.of(part.x, part.y, part.w)) {
      Autograd.forget(t);
    }
    try (Scope scope = Scope.open()) {
      Tensor z = middle.apply(part);
      z.add_(part.x, 1); // blocks go on in place
      Functional.silu(z).square().mean().backward();
      return List.of(part.x, part.y, part.w).stream()
          .map(t -> scope.keep(Autograd.gathered(t).orElseThrow()))
          .toList();
    }
  }

  private record Part(Tensor x, Tensor y, Tensor w) {
    static Part random(Rng rng) {
      return new Part(
          rng.normal(3, 5).requiresGrad(true),
          rng.normal(5, 5).requiresGrad(true),
          rng.normal(5, 5).requiresGrad(true));
    }

    Tensor compute(List<Tensor> in) {
      return Scope.run(
          () -> Functional.silu(Functional.matmul(Functional.silu(in.get(0)), in.get(1).mul(w))));
    }
  }

  @Test
  void givesTheBitsOfTheWholeGraph() {
    long before = Scope.liveTensors();
    try (Scope scope = Scope.open();
        Rng rng = new Rng(0)) {
      Part part = Part.random(rng);
      List<Tensor> whole = gradients(p -> p.compute(List.of(p.x, p.y)), part);
      long alive = Scope.liveTensors();
      List<Tensor> parts =
          gradients(p -> GradientCheckpoint.of(p::compute, List.of(p.x, p.y), NO_RANDOM), part);
      assertThat(Scope.liveTensors()).isEqualTo(alive + 3);
      for (int i = 0; i < whole.size(); i++) {
        assertThat(parts.get(i)).isIdenticalTo(whole.get(i));
      }
    }
    assertThat(Scope.liveTensors()).isEqualTo(before);
  }

  @Test
  void theOutputKeepsItsBits() {
    try (Scope scope = Scope.open()) {
      Tensor x = Tensor.of(new float[] {-0f, 0f, 1e-45f, Float.NEGATIVE_INFINITY}, 4);
      Tensor input = x.detach().requiresGrad(true);
      Tensor output = GradientCheckpoint.of(in -> in.get(0).copy(), List.of(input), NO_RANDOM);
      assertThat(output.detach()).isIdenticalTo(x);
    }
  }

  @Test
  void drawsTheSameNumbersAgain() {
    try (Scope scope = Scope.open();
        Rng rng = new Rng(0)) {
      Part part = Part.random(rng);
      Function<List<Tensor>, Tensor> noisy =
          in -> part.compute(List.of(in.get(0).mul(rng.normal(3, 5)), in.get(1)));
      Tensor start = rng.state();
      List<Tensor> whole = gradients(p -> noisy.apply(List.of(p.x, p.y)), part);
      Tensor end = rng.state();
      rng.state(start);
      List<Tensor> parts =
          gradients(p -> GradientCheckpoint.of(noisy, List.of(p.x, p.y), Optional.of(rng)), part);
      assertThat(rng.state()).isIdenticalTo(end);
      for (int i = 0; i < whole.size(); i++) {
        assertThat(parts.get(i)).isIdenticalTo(whole.get(i));
      }
    }
  }

  @Test
  void onACardNoConvolutionIsPreparedTwice() {
    try (Scope scope = Scope.open()) {
      assertThat(RecomputedConv.pays(Tensor.empty(1 << 23))).isTrue();
      assertThat(RecomputedConv.pays(Tensor.zeros(StandInCard.DEVICE, 1 << 23))).isFalse();
    }
  }

  /**
   * The engine would call the hooks of a card's tensors on a thread of its own, where the wish for
   * an input's gradient alone is unknown.
   */
  @Test
  void aBackwardPassStaysOnItsThread() {
    List<Boolean> others = new ArrayList<>();
    Function<List<Tensor>, Tensor> asking =
        in -> {
          others.add(AutogradState.get_tls_state().get_multithreading_enabled());
          return in.get(0).mul(2);
        };
    try (Scope scope = Scope.open()) {
      Tensor x = Tensor.zeros(2).requiresGrad(true);
      GradientCheckpoint.of(asking, List.of(x), NO_RANDOM).sum().backward();
      Autograd.gradient(GradientCheckpoint.of(asking, List.of(x), NO_RANDOM).sum(), x);
      Tensor output = GradientCheckpoint.of(asking, List.of(x), NO_RANDOM);
      Autograd.gradient(output, x, Tensor.zeros(2));
    }
    assertThat(others).containsExactly(true, false, true, false, true, false).inOrder();
    assertThat(AutogradState.get_tls_state().get_multithreading_enabled()).isTrue();
  }

  @Test
  void inputsNeedNotWantGradients() {
    try (Scope scope = Scope.open();
        Rng rng = new Rng(0)) {
      Part part = Part.random(rng);
      part.x.requiresGrad(false);
      part.y.requiresGrad(false);
      Tensor output = GradientCheckpoint.of(part::compute, List.of(part.x, part.y), NO_RANDOM);
      output.sum().backward();
      assertThat(Autograd.gathered(part.w)).isPresent();
      assertThat(Autograd.gathered(part.x)).isEmpty();
    }
  }

  @Test
  void givesTheGradientOfAnInputAlone() {
    try (Scope scope = Scope.open();
        Rng rng = new Rng(0)) {
      Part part = Part.random(rng);
      Tensor whole = Autograd.gradient(part.compute(List.of(part.x, part.y)).sum(), part.x);
      Tensor output = GradientCheckpoint.of(part::compute, List.of(part.x, part.y), NO_RANDOM);
      assertThat(Autograd.gradient(output.sum(), part.x)).isIdenticalTo(whole);
      assertThat(Autograd.gathered(part.w)).isEmpty();
      assertThat(Autograd.gathered(part.y)).isEmpty();
    }
  }

  @Test
  void aConvolutionGivesTheBitsOfTheWholeGraph() {
    try (Scope scope = Scope.open();
        Rng rng = new Rng(0)) {
      Tensor x = rng.normal(2, 4, 6, 6).requiresGrad(true);
      Tensor weight = rng.normal(8, 2, 3, 3).requiresGrad(true);
      Tensor bias = rng.normal(8).requiresGrad(true);
      Tensor whole = Functional.conv2d(Functional.silu(x), weight, bias, 2, 1, 2);
      RecomputedConv conv =
          new RecomputedConv(Functional::silu, () -> weight, Optional.of(bias), 2, 1, 2);
      Tensor parts = conv.recomputed(x);
      assertThat(parts.detach()).isIdenticalTo(whole.detach());
      whole.square().mean().backward();
      List<Tensor> expected =
          List.of(x, weight, bias).stream()
              .map(t -> Autograd.gathered(t).orElseThrow().copy())
              .toList();
      List.of(x, weight, bias).forEach(Autograd::forget);
      Tensor loss = parts.square().mean();
      assertThat(Autograd.gradient(loss, x)).isIdenticalTo(expected.get(0));
      assertThat(Autograd.gathered(weight)).isEmpty();
      conv.recomputed(x).square().mean().backward();
      assertThat(Autograd.gathered(x).orElseThrow()).isIdenticalTo(expected.get(0));
      assertThat(Autograd.gathered(weight).orElseThrow()).isIdenticalTo(expected.get(1));
      assertThat(Autograd.gathered(bias).orElseThrow()).isIdenticalTo(expected.get(2));
    }
  }

  @Test
  void partsNest() {
    try (Scope scope = Scope.open();
        Rng rng = new Rng(0)) {
      Part part = Part.random(rng);
      List<Tensor> whole = gradients(p -> p.compute(List.of(p.x, p.y)), part);
      Function<List<Tensor>, Tensor> inner =
          in -> GradientCheckpoint.of(part::compute, in, NO_RANDOM);
      List<Tensor> parts =
          gradients(p -> GradientCheckpoint.of(inner, List.of(p.x, p.y), NO_RANDOM), part);
      for (int i = 0; i < whole.size(); i++) {
        assertThat(parts.get(i)).isIdenticalTo(whole.get(i));
      }
    }
  }

  @Test
  void nothingStaysAliveWithoutABackwardPassOrAfterAFailureInIt() {
    long before = Scope.liveTensors();
    try (Scope scope = Scope.open();
        Rng rng = new Rng(0)) {
      Part part = Part.random(rng);
      GradientCheckpoint.of(part::compute, List.of(part.x, part.y), NO_RANDOM);
    }
    assertThat(Scope.liveTensors()).isEqualTo(before);
    try (Scope scope = Scope.open();
        Rng rng = new Rng(0)) {
      Part part = Part.random(rng);
      int[] calls = {0};
      Function<List<Tensor>, Tensor> failing =
          in -> {
            calls[0]++;
            if (calls[0] == 2) {
              throw new SfumatoException("not again");
            }
            return part.compute(in);
          };
      Tensor sum = GradientCheckpoint.of(failing, List.of(part.x, part.y), NO_RANDOM).sum();
      SfumatoException e = assertThrows(SfumatoException.class, sum::backward);
      assertThat(e).hasMessageThat().contains("not again");
    }
    assertThat(Scope.liveTensors()).isEqualTo(before);
  }
}
