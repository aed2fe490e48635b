package dev.sfumato.model;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;
import static dev.sfumato.tensor.TensorSubject.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import com.google.common.truth.Truth;
import dev.sfumato.SfumatoException;
import dev.sfumato.io.JsonFile;
import dev.sfumato.tensor.Autocast;
import dev.sfumato.tensor.Autograd;
import dev.sfumato.tensor.Golden;
import dev.sfumato.tensor.Precision;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The network against what diffusers computed, for every option and kind of block. */
class UNet2DModelTest {
  private static final Golden GOLDEN = Golden.read("unet");

  static Stream<String> cases() {
    return StreamSupport.stream(GOLDEN.document().get("cases").spliterator(), false)
        .map(c -> c.get("name").textValue());
  }

  @ParameterizedTest
  @MethodSource("cases")
  void computesWhatDiffusersComputes(String name) {
    try (Scope scope = Scope.open();
        Autograd.Recording off = Autograd.off();
        Case golden = new Case(name)) {
      assertThat(golden.forward()).isWithin(1e-4).relativeToScale().of(golden.tensor("output"));
    }
  }

  @ParameterizedTest
  @MethodSource("dev.sfumato.model.HalfGolden#pixels")
  void roundsAsDiffusersDoesInHalfPrecision(String name, Precision precision) {
    try (Scope scope = Scope.open();
        Autograd.Recording off = Autograd.off();
        Case golden = new Case(name)) {
      Tensor exact = golden.forward();
      try (Autocast region = Autocast.open(precision)) {
        HalfGolden.requireRounded(golden.forward(), exact, name, precision);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void namesAndShapesOfParametersAreThoseOfDiffusers(String name) {
    JsonNode document = Case.document(name);
    Map<String, List<Long>> expected = new TreeMap<>();
    document
        .get("parameters")
        .properties()
        .forEach(e -> expected.put(e.getKey(), longs(e.getValue()).boxed().toList()));
    try (UNet2DModel model = Case.model(document)) {
      Map<String, List<Long>> shapes = new TreeMap<>();
      model
          .parameters()
          .forEach((key, p) -> shapes.put(key, Arrays.stream(p.shape()).boxed().toList()));
      Truth.assertThat(shapes).isEqualTo(expected);
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void gradientsReachTheInputAndEveryWeight(String name) {
    try (Scope scope = Scope.open();
        Case golden = new Case(name);
        Rng rng = new Rng(1)) {
      golden.model.train(rng);
      Tensor sample = golden.tensor("sample").requiresGrad(true);
      golden.forward(sample).square().mean().backward();
      Truth.assertThat(Autograd.gathered(sample).orElseThrow().isFinite()).isTrue();
      golden.model.parameters().entrySet().stream()
          .filter(e -> e.getValue().requiresGrad() && !e.getKey().contains("norm_cross"))
          .forEach(
              e ->
                  assertWithMessage(e.getKey())
                      .that(Autograd.gathered(e.getValue()).map(Tensor::isFinite).orElse(false))
                      .isTrue());
    }
  }

  /** Gradients of several uses of one tensor are added in another order, which rounds otherwise. */
  @ParameterizedTest
  @MethodSource("cases")
  void gradientCheckpointingChangesNothing(String name) {
    long before = Scope.liveTensors();
    try (Scope scope = Scope.open();
        Case golden = new Case(name)) {
      Map<String, Tensor> whole = golden.trainingPass(false);
      Map<String, Tensor> parts = golden.trainingPass(true);
      Truth.assertThat(parts.keySet()).isEqualTo(whole.keySet());
      for (String same : List.of("output", "next draw")) {
        assertThat(parts.get(same)).isIdenticalTo(whole.get(same));
      }
      parts.forEach((key, tensor) -> assertThat(tensor).isWithin(1e-6).of(whole.get(key)));
    }
    Truth.assertThat(Scope.liveTensors()).isEqualTo(before);
  }

  @ParameterizedTest
  @ValueSource(strings = {"mnist_course", "mid_none", "ncsnpp_miniature", "k_attention"})
  void nothingButTheResultStaysAlive(String name) {
    try (Scope scope = Scope.open();
        Autograd.Recording off = Autograd.off();
        Case golden = new Case(name)) {
      Tensor sample = golden.tensor("sample");
      golden.forward(sample);
      long before = Scope.liveTensors();
      Tensor output = golden.forward(sample);
      Truth.assertThat(Scope.liveTensors()).isEqualTo(before + 1);
      Truth.assertThat(output.isFinite()).isTrue();
      Truth.assertThat(sample.isFinite()).isTrue();
    }
  }

  @Test
  void nothingStaysAliveAfterAFailureInTheMiddle() {
    // Features of a coarsest level with attention are no skip, but the way up asks for them.
    UNet2DConfig mismatched =
        Case.config("k_attention")
            .with("up_block_types", List.of("KUpBlock2D", "KUpBlock2D", "KUpBlock2D"));
    try (Scope scope = Scope.open();
        UNet2DModel model = new UNet2DModel(mismatched);
        Rng rng = new Rng(0)) {
      model.reset(rng);
      Tensor sample = Tensor.zeros(1, 3, 16, 16);
      Tensor timestep = Tensor.of(new long[] {5}, 1);
      long before = Scope.liveTensors();
      SfumatoException e =
          assertThrows(SfumatoException.class, () -> model.forward(sample, timestep));
      Truth.assertThat(Scope.liveTensors()).isEqualTo(before);
      Truth.assertThat(e.getMessage()).doesNotContain("\n");
      Truth.assertThat(sample.isFinite()).isTrue();
    }
  }

  @Test
  void dropoutActsInTrainingOnly() {
    try (Scope scope = Scope.open();
        Autograd.Recording off = Autograd.off();
        Case golden = new Case("dropout");
        Rng rng = new Rng(3)) {
      golden.model.train(rng);
      Truth.assertThat(golden.forward().sub(golden.tensor("output")).abs().max().item())
          .isGreaterThan(0.1);
      golden.model.eval();
      assertThat(golden.forward()).isWithin(1e-4).relativeToScale().of(golden.tensor("output"));
    }
  }

  @Test
  void oldNamesOfAttentionLoad() {
    try (Scope scope = Scope.open();
        Autograd.Recording off = Autograd.off();
        Case golden = new Case("plain")) {
      Map<String, Tensor> old = new LinkedHashMap<>();
      golden.weights.forEach(
          (name, weight) ->
              old.put(
                  name.replace(".to_q.", ".query.")
                      .replace(".to_k.", ".key.")
                      .replace(".to_v.", ".value.")
                      .replace(".to_out.0.", ".proj_attn."),
                  weight));
      assertThrows(SfumatoException.class, () -> golden.model.load(old, "old"));
      golden.model.load(UNet2DModel.modernNames(old), "old");
      assertThat(golden.forward()).isWithin(1e-4).relativeToScale().of(golden.tensor("output"));
    }
  }

  @Test
  void loadingNamesAllThatDoesNotFit() {
    try (Scope scope = Scope.open();
        Case golden = new Case("plain")) {
      Map<String, Tensor> weights = new HashMap<>(golden.weights);
      weights.remove("conv_in.bias");
      weights.put("conv_in.gain", Tensor.zeros(1));
      weights.put("conv_out.weight", Tensor.zeros(3, 8, 1, 1));
      SfumatoException e =
          assertThrows(
              SfumatoException.class, () -> golden.model.load(weights, "some.safetensors"));
      Truth.assertThat(e.getMessage())
          .isEqualTo(
              "some.safetensors: the weights do not fit the configuration: missing conv_in.bias; "
                  + "unexpected conv_in.gain; "
                  + "wrong shape: conv_out.weight is [3, 8, 1, 1], expected [3, 8, 3, 3]");
    }
  }

  @Test
  void wrongInputIsNamed() {
    try (Scope scope = Scope.open();
        Case plain = new Case("plain");
        Case classes = new Case("class_embedding");
        Case learned = new Case("learned_time");
        Case identity = new Case("class_identity")) {
      Tensor sample = Tensor.zeros(2, 3, 8, 8);
      Tensor times = Tensor.of(new long[] {1, 2}, 2);
      UNet2DModel model = plain.model;
      refuses("(B, 3, H, W), not [2, 4, 8, 8]", () -> model.forward(channels(4), times));
      refuses("(B, 3, H, W), not [3, 8, 8]", () -> model.forward(Tensor.zeros(3, 8, 8), times));
      refuses("multiples of 2", () -> model.forward(Tensor.zeros(2, 3, 8, 7), times));
      refuses("timesteps of shape (2), not [3]", () -> model.forward(sample, Tensor.zeros(3)));
      refuses("num_class_embeds", () -> model.forward(sample, times, times));
      refuses("class labels are missing", () -> classes.model.forward(sample, times));
      Tensor labels = Tensor.of(new long[] {0, 10}, 2);
      refuses(
          "class 10 is out of range: num_class_embeds allows 0 to 9",
          () -> classes.model.forward(sample, times, labels));
      Tensor late = Tensor.of(new long[] {0, 1000}, 2);
      refuses(
          "timestep 1000 is out of range: num_train_timesteps allows 0 to 999",
          () -> learned.model.forward(sample, late));
      refuses("(2, 32), not [2]", () -> identity.model.forward(sample, times, labels));
    }
  }

  private static Tensor channels(long channels) {
    return Tensor.zeros(2, channels, 8, 8);
  }

  private static void refuses(String message, Runnable call) {
    SfumatoException e = assertThrows(SfumatoException.class, call::run);
    assertThat(e.getMessage()).contains(message);
    assertThat(e.getMessage()).doesNotContain("\n");
  }

  private static java.util.stream.LongStream longs(JsonNode array) {
    return StreamSupport.stream(array.spliterator(), false).mapToLong(JsonNode::longValue);
  }

  /** A golden case: a model with the weights that its seed gives, by "weights_rule". */
  private static final class Case implements AutoCloseable {
    private final String name;
    private final JsonNode document;
    private final UNet2DModel model;
    private final Map<String, Tensor> weights = new TreeMap<>();

    Case(String name) {
      this.name = name;
      document = document(name);
      model = model(document);
      try (Rng rng = new Rng(document.get("seed").longValue())) {
        new TreeMap<>(model.parameters())
            .forEach((key, p) -> weights.put(key, weight(key, rng.normal(p.shape()))));
      }
      model.load(weights, name);
    }

    static JsonNode document(String name) {
      return StreamSupport.stream(GOLDEN.document().get("cases").spliterator(), false)
          .filter(c -> c.get("name").textValue().equals(name))
          .findFirst()
          .orElseThrow();
    }

    static UNet2DConfig config(String name) {
      return JsonFile.MAPPER.convertValue(document(name).get("config"), UNet2DConfig.class);
    }

    static UNet2DModel model(JsonNode document) {
      return new UNet2DModel(
          JsonFile.MAPPER.convertValue(document.get("config"), UNet2DConfig.class));
    }

    private static Tensor weight(String key, Tensor drawn) {
      if (drawn.dim() == 1) {
        return key.endsWith("weight") ? drawn.mul(0.1).add(1) : drawn.mul(0.1);
      }
      return key.equals("class_embedding.weight")
          ? drawn
          : drawn.div(Math.sqrt((double) drawn.numel() / drawn.size(0)));
    }

    Tensor tensor(String part) {
      return GOLDEN.tensor(name + "." + part);
    }

    Tensor forward() {
      return forward(tensor("sample"));
    }

    Tensor forward(Tensor sample) {
      try (Scope scope = Scope.open()) {
        Tensor times = numbers(document.get("timesteps"));
        if (GOLDEN.tensors().names().contains(name + ".class_labels")) {
          return scope.keep(model.forward(sample, times, tensor("class_labels")));
        }
        JsonNode labels = document.get("class_labels");
        return scope.keep(
            labels.isNull()
                ? model.forward(sample, times)
                : model.forward(sample, times, numbers(labels)));
      }
    }

    /** The output, all gradients, and what the dropout's generator draws next. */
    Map<String, Tensor> trainingPass(boolean checkpointing) {
      Map<String, Tensor> result = new LinkedHashMap<>();
      try (Rng rng = new Rng(1)) {
        model.train(rng);
        model.checkpointing(checkpointing);
        Tensor sample = tensor("sample").requiresGrad(true);
        Tensor output = forward(sample);
        output.square().mean().backward();
        result.put("output", output.detach());
        result.put("sample", Autograd.gathered(sample).orElseThrow());
        result.put("next draw", rng.uniform(1));
        model
            .trainableByName()
            .forEach((key, p) -> Autograd.gathered(p).ifPresent(g -> result.put(key, g)));
        model.trainable().forEach(Autograd::forget);
      }
      return result;
    }

    /** Whole numbers as int64, others as float32. */
    private static Tensor numbers(JsonNode array) {
      if (array.get(0).isInt()) {
        return Tensor.of(longs(array).toArray(), array.size());
      }
      float[] values = new float[array.size()];
      for (int i = 0; i < values.length; i++) {
        values[i] = array.get(i).floatValue();
      }
      return Tensor.of(values, values.length);
    }

    @Override
    public void close() {
      model.close();
    }
  }
}
