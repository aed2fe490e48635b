package dev.sfumato.tensor;

import static com.google.common.truth.Truth.assertThat;
import static dev.sfumato.tensor.TensorSubject.assertThat;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Gradients that are computed a second time, beside those that a backward pass keeps. */
class LateGradientsTest {
  private static final int CHANNELS = 2048;

  /** A checkpoint with many weights, dropout and products that are checkpoints themselves. */
  private record Block(Tensor weight, Tensor bias, Rng dropout) {
    static Block random(Rng rng, Rng dropout) {
      return new Block(
          rng.normal(CHANNELS, CHANNELS).mul(0.02).detach().requiresGrad(true),
          rng.normal(CHANNELS).requiresGrad(true),
          dropout);
    }

    Tensor forward(Tensor x) {
      return GradientCheckpoint.of(
          in -> Scope.run(() -> compute(in.get(0))), List.of(x), Optional.of(dropout));
    }

    private Tensor compute(Tensor x) {
      Tensor dropped = dropout.uniform(x.shape()).lessThan(0.2);
      Tensor rest = Tensor.zeros().where(dropped, x);
      Tensor rows = rest.reshape(x.size(0), CHANNELS, -1).transpose(1, 2);
      Tensor mixed = Functional.linear(Functional.silu(rows), weight, bias);
      return mixed.transpose(1, 2).reshape(x.shape());
    }
  }

  private static Map<String, Tensor> weights(List<Block> blocks) {
    Map<String, Tensor> weights = new LinkedHashMap<>();
    for (int i = 0; i < blocks.size(); i++) {
      weights.put(i + ".weight", blocks.get(i).weight);
      weights.put(i + ".bias", blocks.get(i).bias);
    }
    return weights;
  }

  private static void backward(List<Block> blocks, Tensor x, Rng dropout) {
    try (Scope scope = Scope.open();
        Rng start = new Rng(5)) {
      dropout.state(start.state());
      Tensor h = x;
      for (Block block : blocks) {
        h = block.forward(h);
      }
      h.square().mean().backward();
    }
  }

  private static Map<String, Tensor> gathered(Map<String, Tensor> weights) {
    Map<String, Tensor> found = new LinkedHashMap<>();
    weights.forEach((name, w) -> Autograd.gathered(w).ifPresent(g -> found.put(name, g.copy())));
    return found;
  }

  @ParameterizedTest
  @CsvSource({
    "1x8, 6",
    "2x8, 6",
    "1x9, 0", // 81 pixels
    "1x8 1x4 2x4, 6",
    "1x8 1x9, 6", // once late, always late
    "1x9 1x8, 0"
  })
  void haveTheBitsOfTheFirstTime(String batches, int late) {
    long before = Scope.liveTensors();
    try (Scope scope = Scope.open();
        Rng rng = new Rng(1);
        Rng dropout = new Rng(2)) {
      List<Tensor> inputs = new ArrayList<>();
      for (String batch : batches.split(" ")) {
        int side = batch.charAt(2) - '0';
        inputs.add(rng.normal(batch.charAt(0) - '0', CHANNELS, side, side));
      }
      List<Block> blocks = new ArrayList<>();
      for (int i = 0; i < 3; i++) {
        blocks.add(Block.random(rng, dropout));
      }
      Map<String, Tensor> weights = weights(blocks);
      inputs.forEach(x -> backward(blocks, x, dropout));
      Map<String, Tensor> plain = gathered(weights);
      Tensor norm = OptimizerKernels.norm(List.copyOf(plain.values()));
      weights.values().forEach(Autograd::forget);
      long alive = Scope.liveTensors();

      try (Scope inner = Scope.open();
          LateGradients gradients = new LateGradients(weights)) {
        inputs.forEach(x -> gradients.during(() -> backward(blocks, x, dropout)));
        assertThat(gradients.names()).hasSize(late);
        Map<String, Tensor> found = gathered(weights);
        assertThat(found.keySet()).containsNoneIn(gradients.names());
        assertThat(found.size()).isEqualTo(6 - late);
        assertThat(gradients.norm(found)).isIdenticalTo(norm);
        List<Integer> sizes = new ArrayList<>();
        UnaryOperator<Tensor> keeper = Scope.keeper();
        gradients.each(
            part -> {
              part.forEach((name, g) -> found.put(name, keeper.apply(g.copy())));
              sizes.add(part.size());
            });
        assertThat(sizes).hasSize(late / 2);
        assertThat(found.keySet()).isEqualTo(plain.keySet());
        plain.forEach((name, gradient) -> assertThat(found.get(name)).isIdenticalTo(gradient));
        for (String name : gradients.names()) {
          assertThat(Autograd.gathered(weights.get(name))).isEmpty();
        }
      }
      weights.values().forEach(Autograd::forget);
      try (Autograd.Recording off = Autograd.off()) { // the next checkpoint frees the spent ones
        GradientCheckpoint.of(in -> in.get(0), inputs, Optional.empty());
      }
      assertThat(Scope.liveTensors()).isEqualTo(alive);
    }
    assertThat(Scope.liveTensors()).isEqualTo(before);
  }

  @Test
  void checkpointsOfFewWeightsKeepTheirs() {
    try (Scope scope = Scope.open();
        Rng rng = new Rng(1)) {
      Tensor x = rng.normal(1, 8, 4, 4);
      Tensor w = rng.normal(1, 8, 1, 1).requiresGrad(true);
      try (LateGradients gradients = new LateGradients(Map.of("w", w))) {
        gradients.during(
            () ->
                GradientCheckpoint.of(in -> in.get(0).mul(w), List.of(x), Optional.empty())
                    .square()
                    .mean()
                    .backward());
        assertThat(gradients.names()).isEmpty();
        assertThat(Autograd.gathered(w)).isPresent();
      }
    }
  }
}
