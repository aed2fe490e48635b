package dev.sfumato.nn;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sfumato.SfumatoException;
import dev.sfumato.tensor.DType;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import dev.sfumato.tensor.TensorSubject;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class ModuleTest {
  static class Base extends Module {
    final Linear convIn = new Linear(2, 3);
  }

  static final class Net extends Base {
    static final Linear IGNORED = null;
    final Tensor scale = parameter(1);
    final Tensor frequencies = buffer(2);

    @Name("linear_1")
    final Linear first = new Linear(3, 2, false);

    final List<Module> downBlocks = List.of(new GroupNorm(1, 2, 1e-5), new Linear(2, 2));
    final Linear absent = null;
    final String title = "not a parameter";
    final List<String> words = List.of("neither");

    Tensor train(Tensor x) {
      return dropout(x, 0.5);
    }
  }

  private Scope scope;
  private Net net;

  @BeforeEach
  void open() {
    scope = Scope.open();
    net = new Net();
    net.reset(new Rng(0));
  }

  @AfterEach
  void close() {
    net.close();
    scope.close();
  }

  private Map<String, Tensor> weights() {
    Map<String, Tensor> weights = new LinkedHashMap<>();
    net.parameters().forEach((name, p) -> weights.put(name, Tensor.full(2, p.shape())));
    return weights;
  }

  // ---- names

  @Test
  void namesAreReadOffTheFieldsInTheirOrder() {
    assertThat(net.parameters().keySet())
        .containsExactly(
            "scale",
            "frequencies",
            "conv_in.weight",
            "conv_in.bias",
            "linear_1.weight",
            "down_blocks.0.weight",
            "down_blocks.0.bias",
            "down_blocks.1.weight",
            "down_blocks.1.bias");
    assertThat(net.parameters().keySet().stream().filter(n -> n.contains(".")).toList())
        .containsExactly(
            "conv_in.weight",
            "conv_in.bias",
            "linear_1.weight",
            "down_blocks.0.weight",
            "down_blocks.0.bias",
            "down_blocks.1.weight",
            "down_blocks.1.bias")
        .inOrder();
  }

  @Test
  void buffersAreNotTrained() {
    assertThat(net.trainable()).hasSize(8);
    assertThat(net.parameters().get("frequencies").requiresGrad()).isFalse();
  }

  // ---- loading

  @Test
  void takesOverWeightsWithoutCopying() {
    Map<String, Tensor> weights = weights();
    net.load(weights, "a file");
    weights.get("conv_in.bias").fill_(5);
    assertThat(net.convIn.parameters().get("bias").toFloats()).isEqualTo(new float[] {5, 5, 5});
    assertThat(net.parameters().get("conv_in.bias").requiresGrad()).isTrue();
  }

  @Test
  void convertsOtherTypes() {
    Map<String, Tensor> weights = weights();
    weights.replaceAll((name, w) -> w.to(DType.FLOAT16));
    net.load(weights, "a file");
    assertThat(net.parameters().get("scale").dtype()).isEqualTo(DType.FLOAT32);
    assertThat(net.parameters().get("scale").item()).isEqualTo(2);
  }

  @Test
  void namesEverythingThatDoesNotFitAtOnceAndChangesNothing() {
    Map<String, Tensor> weights = weights();
    weights.remove("scale");
    weights.remove("down_blocks.1.bias");
    weights.put("extra.weight", Tensor.zeros(1));
    weights.put("conv_out.bias", Tensor.zeros(1));
    weights.put("conv_in.weight", Tensor.zeros(2, 3));
    weights.put("linear_1.weight", Tensor.zeros(6));
    Tensor before = net.parameters().get("conv_in.bias").copy();
    SfumatoException e = assertThrows(SfumatoException.class, () -> net.load(weights, "x.bin"));
    assertThat(e.getMessage())
        .isEqualTo(
            "x.bin: the weights do not fit the configuration: "
                + "missing scale, down_blocks.1.bias; "
                + "unexpected conv_out.bias, extra.weight; "
                + "wrong shape: conv_in.weight is [2, 3], expected [3, 2], "
                + "linear_1.weight is [6], expected [2, 3]");
    TensorSubject.assertThat(net.parameters().get("conv_in.bias")).isIdenticalTo(before);
  }

  // ---- life

  @Test
  void parametersOutliveTheScopeAndGoWithTheModule() {
    long live = Scope.liveTensors();
    Net other;
    try (Scope inner = Scope.open()) {
      other = new Net();
      other.reset(new Rng(1));
      Tensor.zeros(4);
    }
    assertThat(Scope.liveTensors()).isEqualTo(live + 9);
    other.close();
    assertThat(Scope.liveTensors()).isEqualTo(live);
  }

  @Test
  void resetDrawsTheSameWeightsFromTheSameSeed() {
    Net other = new Net();
    other.reset(new Rng(0));
    other.reset(new Rng(0));
    TensorSubject.assertThat(other.parameters().get("linear_1.weight"))
        .isIdenticalTo(net.parameters().get("linear_1.weight"));
    other.close();
  }

  @Test
  void halfWeightsBecomeWideWithinALimit() {
    Map<String, Tensor> weights = weights();
    weights.replaceAll((name, weight) -> weight.to(DType.FLOAT16));
    net.load(weights, "a file");
    Tensor matrix = net.parameters().get("linear_1.weight");
    assertThat(matrix.dtype()).isEqualTo(DType.FLOAT16);
    long bytes = 4 * net.parameters().values().stream().mapToLong(Tensor::numel).sum();
    net.widenWithin(bytes - 1);
    assertThat(matrix.dtype()).isEqualTo(DType.FLOAT16);
    net.widenWithin(bytes);
    assertThat(matrix.dtype()).isEqualTo(DType.FLOAT32);
    assertThat(matrix.max().item()).isEqualTo(2);
  }

  @Test
  void startWeightsAreBoundedByTheNumberOfInputs() {
    try (Linear linear = new Linear(100, 50)) {
      linear.reset(new Rng(2));
      for (Tensor parameter : linear.parameters().values()) {
        double largest = parameter.abs().max().item();
        assertThat(largest).isLessThan(0.1);
        assertThat(largest).isGreaterThan(0.09);
      }
    }
  }

  @Test
  void dropoutIsOnlyForTraining() {
    Tensor x = Tensor.full(1, 1000);
    assertThat(net.train(x)).isSameInstanceAs(x);
    net.train(new Rng(3));
    Tensor dropped = net.train(x);
    assertThat(dropped.max().item()).isEqualTo(2);
    assertThat(dropped.mean().item()).isWithin(0.1).of(1);
    net.eval();
    assertThat(net.train(x)).isSameInstanceAs(x);
  }
}
