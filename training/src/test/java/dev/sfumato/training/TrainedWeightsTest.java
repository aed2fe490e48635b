package dev.sfumato.training;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sfumato.SfumatoException;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TrainedWeightsTest {
  private static final List<String> NAMES =
      List.of(
          "unet.conv_in.weight",
          "unet.conv_in.bias",
          "unet.down_blocks.0.attentions.0.to_q.weight",
          "unet.down_blocks.10.norm1.weight",
          "class_emb.weight");

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "           |                 | 0 1 2 3 4",
        "conv_in    |                 | 0 1",
        "*.weight   |                 | 0 2 3 4",
        "           | *.bias          | 0 2 3 4",
        "           | down_blocks.?   | 0 1 3 4",
        "down_blocks.*.weight | *.attentions | 3",
        "class_emb,conv_in | conv_in.bias | 0 4",
      })
  void patternsChooseWeights(String trainOnly, String freeze, String expected) {
    try (Scope scope = Scope.open()) {
      Map<String, Tensor> weights = weights();
      Tensor buffer = Tensor.zeros(1);
      weights.put("unet.conv_in.weight_of_buffer", buffer);
      new TrainedWeights(list(trainOnly), list(freeze)).mark(weights);
      List<Integer> trained =
          NAMES.stream()
              .filter(name -> weights.get(name).requiresGrad())
              .map(NAMES::indexOf)
              .toList();
      assertThat(trained)
          .isEqualTo(Arrays.stream(expected.split(" ")).map(Integer::valueOf).toList());
      assertThat(buffer.requiresGrad()).isFalse();
    }
  }

  @ParameterizedTest
  @CsvSource({
    "conv, no weight is named 'conv'",
    "conv.in, no weight is named 'conv.in'",
    "unet.conv_in, names look like conv_in.weight",
    "*, leave no weight to train"
  })
  void whatMakesNoSenseIsRefused(String freeze, String message) {
    try (Scope scope = Scope.open()) {
      TrainedWeights trained = new TrainedWeights(List.of(), List.of(freeze));
      SfumatoException e = assertThrows(SfumatoException.class, () -> trained.mark(weights()));
      assertThat(e).hasMessageThat().contains(message);
    }
  }

  private static Map<String, Tensor> weights() {
    Map<String, Tensor> weights = new LinkedHashMap<>();
    NAMES.forEach(name -> weights.put(name, Tensor.zeros(1).requiresGrad(true)));
    return weights;
  }

  private static List<String> list(String patterns) {
    return patterns == null ? List.of() : List.of(patterns.split(","));
  }
}
