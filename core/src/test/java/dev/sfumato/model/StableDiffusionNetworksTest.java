package dev.sfumato.model;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;
import static dev.sfumato.tensor.TensorSubject.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sfumato.SfumatoException;
import dev.sfumato.io.JsonFile;
import dev.sfumato.nn.Module;
import dev.sfumato.tensor.Autocast;
import dev.sfumato.tensor.Autograd;
import dev.sfumato.tensor.Golden;
import dev.sfumato.tensor.MildWeights;
import dev.sfumato.tensor.Precision;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
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

/** The networks of Stable Diffusion against what diffusers computed in float64. */
class StableDiffusionNetworksTest {
  private static final Golden GOLDEN = Golden.read("stable_diffusion");

  /** Ten times what rounding does, and a third of what the smallest mutant does. */
  private static final double TOLERANCE = 2e-5;

  static Stream<String> unets() {
    return names("unets");
  }

  static Stream<String> autoencoders() {
    return names("autoencoders").filter(name -> !name.equals("tiny"));
  }

  static Stream<String> mutants() {
    return GOLDEN.tensors().names().stream().filter(name -> name.contains(".mutant."));
  }

  private static Stream<String> names(String kind) {
    return StreamSupport.stream(GOLDEN.document().get(kind).spliterator(), false)
        .map(c -> c.get("name").textValue());
  }

  private static JsonNode document(String kind, String name) {
    return StreamSupport.stream(GOLDEN.document().get(kind).spliterator(), false)
        .filter(c -> c.get("name").textValue().equals(name))
        .findFirst()
        .orElseThrow();
  }

  private static UNet2DConditionConfig config(String name) {
    return JsonFile.MAPPER.convertValue(
        document("unets", name).get("config"), UNet2DConditionConfig.class);
  }

  private static <T extends Module> T filled(T model, JsonNode document) {
    try (Scope scope = Scope.open()) {
      model.load(
          MildWeights.like(model.parameters(), document.get("seed").longValue()), "the rule");
    }
    return model;
  }

  private static UNet2DConditionModel unet(String name) {
    return filled(new UNet2DConditionModel(config(name)), document("unets", name));
  }

  private static AutoencoderKL autoencoder(String name) {
    JsonNode document = document("autoencoders", name);
    return filled(
        new AutoencoderKL(
            JsonFile.MAPPER.convertValue(document.get("config"), AutoencoderKLConfig.class)),
        document);
  }

  private static Condition condition(String name) {
    Condition condition = Condition.NONE.withTokens(tensor(name, "tokens"));
    List<String> names = GOLDEN.tensors().names();
    if (names.contains(name + ".vector")) {
      condition = condition.withVector(tensor(name, "vector"));
    }
    if (names.contains(name + ".sizes")) {
      condition = condition.withSizes(tensor(name, "sizes"));
    }
    if (names.contains(name + ".guidance")) {
      condition = condition.withGuidance(tensor(name, "guidance"));
    }
    return names.contains(name + ".labels")
        ? condition.withLabels(tensor(name, "labels"))
        : condition;
  }

  private static Tensor tensor(String name, String part) {
    return GOLDEN.tensor(name + "." + part);
  }

  private static Tensor predict(UNet2DConditionModel unet, String name, Condition condition) {
    return unet.forward(tensor(name, "sample"), Tensor.of(new long[] {10, 733}, 2), condition);
  }

  @ParameterizedTest
  @MethodSource("unets")
  void unetComputesWhatDiffusersComputes(String name) {
    try (Scope scope = Scope.open();
        Autograd.Recording off = Autograd.off();
        UNet2DConditionModel unet = unet(name)) {
      long before = Scope.liveTensors();
      Tensor output = predict(unet, name, condition(name));
      assertThat(output).isWithin(TOLERANCE).of(tensor(name, "output"));
      assertThat(Scope.liveTensors()).isLessThan(before + 12);
    }
  }

  @ParameterizedTest
  @MethodSource("dev.sfumato.model.HalfGolden#texts")
  void roundsAsDiffusersDoesInHalfPrecision(String name, Precision precision) {
    try (Scope scope = Scope.open();
        Autograd.Recording off = Autograd.off();
        UNet2DConditionModel unet = unet(name)) {
      Tensor exact = predict(unet, name, condition(name));
      unet.precision(precision);
      try (Autocast region = Autocast.open(precision)) {
        Tensor output = predict(unet, name, unet.prepare(condition(name)));
        HalfGolden.requireRounded(output, exact, name, precision);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("unets")
  void keysAndValuesThatAreComputedBeforeChangeNothing(String name) {
    try (Scope scope = Scope.open();
        Autograd.Recording off = Autograd.off();
        UNet2DConditionModel unet = unet(name)) {
      Condition condition = condition(name);
      Tensor output = predict(unet, name, unet.prepare(condition));
      assertThat(output).isIdenticalTo(predict(unet, name, condition));
    }
  }

  @ParameterizedTest
  @MethodSource("unets")
  void unetHasTheWeightsThatDiffusersHas(String name) {
    try (UNet2DConditionModel unet = new UNet2DConditionModel(config(name))) {
      assertThat(schema(unet)).isEqualTo(document("unets", name).get("schema").textValue());
    }
  }

  @ParameterizedTest
  @MethodSource("unets")
  void configurationIsWrittenAsItWasRead(String name) {
    JsonNode read = document("unets", name).get("config");
    JsonNode written = JsonFile.MAPPER.valueToTree(config(name));
    read.properties()
        .forEach(
            key ->
                assertWithMessage(key.getKey())
                    .that(written.get(key.getKey()).toString())
                    .isEqualTo(key.getValue().toString()));
  }

  private static String schema(Module model) {
    StringBuilder lines = new StringBuilder();
    new TreeMap<>(model.parameters())
        .forEach(
            (name, p) ->
                lines.append(name).append(' ').append(Arrays.toString(p.shape())).append('\n'));
    try {
      MessageDigest sha = MessageDigest.getInstance("SHA-256");
      return HexFormat.of()
          .formatHex(sha.digest(lines.toString().getBytes(StandardCharsets.UTF_8)));
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"sd1", "xl", "class_projection", "odd_size"})
  void gradientsReachTheSampleTheTextAndEveryWeight(String name) {
    long before = Scope.liveTensors();
    try (Scope scope = Scope.open();
        UNet2DConditionModel unet = unet(name)) {
      Map<String, Tensor> whole = trainingPass(unet, name, false);
      Map<String, Tensor> parts = trainingPass(unet, name, true);
      assertThat(whole.keySet()).containsAtLeastElementsIn(unet.parameters().keySet());
      assertThat(whole.keySet()).containsAtLeast("sample", "tokens");
      assertThat(parts.keySet()).isEqualTo(whole.keySet());
      parts.forEach((key, tensor) -> assertThat(tensor).isWithin(1e-5).of(whole.get(key)));
    }
    assertThat(Scope.liveTensors()).isEqualTo(before);
  }

  private static Map<String, Tensor> trainingPass(
      UNet2DConditionModel unet, String name, boolean checkpointing) {
    unet.checkpointing(checkpointing);
    Map<String, Tensor> result = new LinkedHashMap<>();
    Tensor sample = tensor(name, "sample").requiresGrad(true);
    Tensor tokens = tensor(name, "tokens").requiresGrad(true);
    Condition condition = condition(name).withTokens(tokens);
    unet.forward(sample, Tensor.of(new long[] {10, 733}, 2), condition).square().mean().backward();
    result.put("sample", Autograd.gathered(sample).orElseThrow());
    result.put("tokens", Autograd.gathered(tokens).orElseThrow());
    unet.parameters()
        .forEach((key, p) -> Autograd.gathered(p).ifPresent(g -> result.put(key, g.copy())));
    unet.trainable().forEach(Autograd::forget);
    return result;
  }

  // ---- mutants: what the tolerance tells apart

  @ParameterizedTest
  @MethodSource("mutants")
  void aFaultInTheNetworkWouldBeSeen(String mutant) {
    try (Scope scope = Scope.open()) {
      String name = mutant.substring(0, mutant.indexOf('.'));
      Tensor sound = tensor(name, name.equals("vae") ? "decoded" : "output");
      double moved = GOLDEN.tensor(mutant).sub(sound).abs().max().item();
      assertThat(moved).isGreaterThan(2 * TOLERANCE);
    }
  }

  // ---- autoencoders

  @ParameterizedTest
  @MethodSource("autoencoders")
  void autoencoderComputesWhatDiffusersComputes(String name) {
    try (Scope scope = Scope.open();
        Autograd.Recording off = Autograd.off();
        AutoencoderKL autoencoder = autoencoder(name)) {
      assertThat(schema(autoencoder))
          .isEqualTo(document("autoencoders", name).get("schema").textValue());
      Posterior posterior = autoencoder.encode(tensor(name, "picture"));
      Tensor moments = Tensor.cat(List.of(posterior.mean(), posterior.logVariance()), 1);
      assertThat(moments).isWithin(TOLERANCE).of(tensor(name, "moments"));
      // One forward pass is checked, not two in a row: the reference's mean, not our own.
      Tensor mean = tensor(name, "moments").narrow(1, 0, posterior.mean().size(1));
      long before = Scope.liveTensors();
      Tensor decoded = autoencoder.decode(mean);
      assertThat(Scope.liveTensors()).isEqualTo(before + 1);
      assertThat(decoded).isWithin(TOLERANCE).of(tensor(name, "decoded"));
    }
  }

  @Test
  void tilesAreThoseOfDiffusers() {
    try (Scope scope = Scope.open();
        Autograd.Recording off = Autograd.off();
        AutoencoderKL autoencoder = autoencoder("vae")) {
      Posterior posterior = autoencoder.encodeTiled(tensor("vae", "picture"));
      Tensor moments = Tensor.cat(List.of(posterior.mean(), posterior.logVariance()), 1);
      assertThat(moments).isWithin(TOLERANCE).of(tensor("vae", "tiled_moments"));
      assertThat(autoencoder.decodeTiled(posterior.mean()))
          .isWithin(TOLERANCE)
          .of(tensor("vae", "tiled"));
    }
  }

  @Test
  void posteriorIsDrawnFromTheGivenGenerator() {
    try (Scope scope = Scope.open();
        Rng first = new Rng(3);
        Rng second = new Rng(3)) {
      Posterior posterior =
          new Posterior(Tensor.full(2, 1, 4, 2, 2), Tensor.full(2 * Math.log(3), 1, 4, 2, 2));
      Tensor expected = second.normal(1, 4, 2, 2).mul(3).add(2);
      assertThat(posterior.sample(first)).isWithin(1e-5).of(expected);
    }
  }

  @Test
  void oldNamesOfTheAutoencodersAttentionLoad() {
    try (Scope scope = Scope.open();
        Autograd.Recording off = Autograd.off();
        AutoencoderKL autoencoder = autoencoder("vae")) {
      Map<String, Tensor> old = new LinkedHashMap<>();
      MildWeights.like(
              autoencoder.parameters(), document("autoencoders", "vae").get("seed").asInt())
          .forEach(
              (name, weight) ->
                  old.put(
                      name.replace(".to_q.", ".query.")
                          .replace(".to_k.", ".key.")
                          .replace(".to_v.", ".value.")
                          .replace(".to_out.0.", ".proj_attn."),
                      weight));
      autoencoder.load(UNet2DModel.modernNames(old), "old");
      assertThat(autoencoder.encode(tensor("vae", "picture")).mean().isFinite()).isTrue();
    }
  }

  @Test
  void latentsAreScaledAndBack() {
    AutoencoderKLConfig config =
        AutoencoderKLConfig.of(
            Map.of(
                "latents_mean", List.of(1, 2, 3, 4),
                "latents_std", List.of(2, 2, 4, 4),
                "scaling_factor", 0.5));
    try (Scope scope = Scope.open();
        AutoencoderKL autoencoder = new AutoencoderKL(config)) {
      Tensor latents = Tensor.full(5, 1, 4, 1, 1);
      Tensor scaled = autoencoder.scale(latents);
      assertThat(scaled)
          .isWithin(1e-6)
          .of(Tensor.of(new float[] {1, 0.75f, 0.25f, 0.125f}, 1, 4, 1, 1));
      assertThat(autoencoder.unscale(scaled)).isWithin(1e-6).of(latents);
    }
  }

  @Test
  void tinyAutoencoderComputesWhatDiffusersComputes() {
    JsonNode document = document("autoencoders", "tiny");
    try (Scope scope = Scope.open();
        Autograd.Recording off = Autograd.off();
        AutoencoderTiny tiny =
            filled(
                new AutoencoderTiny(
                    JsonFile.MAPPER.convertValue(
                        document.get("config"), AutoencoderTinyConfig.class)),
                document)) {
      assertThat(schema(tiny)).isEqualTo(document.get("schema").textValue());
      Tensor latents = tiny.encode(tensor("tiny", "picture"));
      assertThat(latents).isWithin(TOLERANCE).of(tensor("tiny", "moments"));
      assertThat(tiny.decode(latents)).isWithin(TOLERANCE).of(tensor("tiny", "decoded"));
    }
  }

  // ---- wrong input

  @Test
  void whatIsMissingIsNamed() {
    try (Scope scope = Scope.open();
        UNet2DConditionModel sd1 = unet("sd1");
        UNet2DConditionModel xl = unet("xl");
        UNet2DConditionModel blocks = unet("resnet_options");
        AutoencoderKL autoencoder = autoencoder("vae")) {
      Tensor times = Tensor.of(new long[] {10, 733}, 2);
      Tensor sample = tensor("sd1", "sample");
      refuses("not given a text", () -> sd1.forward(sample, times, Condition.NONE));
      refuses(
          "states of 5 numbers, but the U-Net reads 32",
          () -> sd1.forward(sample, times, Condition.NONE.withTokens(Tensor.zeros(2, 7, 5))));
      refuses(
          "not given a vector",
          () -> xl.forward(sample, times, Condition.NONE.withTokens(Tensor.zeros(2, 7, 64))));
      refuses(
          "(B, 4, H, W), not [2, 3, 8, 8]",
          () -> sd1.forward(Tensor.zeros(2, 3, 8, 8), times, condition("sd1")));
      Condition text = Condition.NONE.withTokens(Tensor.zeros(1, 7, 32));
      Tensor time = times.narrow(0, 0, 1);
      refuses(
          "halve evenly at each level", () -> blocks.forward(Tensor.zeros(1, 4, 6, 8), time, text));
      refuses("too small", () -> blocks.forward(Tensor.zeros(1, 4, 8, 1), time, text));
      refuses("(B, 4, H, W), not [1, 3, 2, 2]", () -> autoencoder.decode(Tensor.zeros(1, 3, 2, 2)));
    }
  }

  @Test
  void configurationsThatAreNotBuiltAreRefusedByTheirKey() {
    UNet2DConditionConfig sd1 = config("sd1");
    Map<String, Object> wrong = new LinkedHashMap<>();
    wrong.put("dual_cross_attention", true);
    wrong.put("num_attention_heads", 8);
    wrong.put("attention_type", "gated");
    wrong.put("resnet_out_scale_factor", 0);
    wrong.put("addition_embed_type", "image");
    wrong.put("encoder_hid_dim_type", "image_proj");
    wrong.put("cross_attention_norm", "layer_norm");
    wrong.put("time_embedding_type", "learned");
    wrong.put("down_block_types", List.of("SimpleCrossAttnDownBlock2D", "DownBlock2D"));
    wrong.put("mid_block_type", "UNetMidBlock2DSimpleCrossAttn");
    wrong.put("transformer_layers_per_block", List.of(1, 2, 3));
    wrong.put("reverse_transformer_layers_per_block", List.of(List.of(1), 1));
    wrong.put("attention_head_dim", 64);
    wrong.put("norm_num_groups", 7);
    wrong.put("cross_attention_dim", "many");
    wrong.put("conv_in_kernel", 2);
    wrong.forEach((key, value) -> refuses(key, () -> sd1.with(key, value)));
    refuses(
        "projection_class_embeddings_input_dim", () -> sd1.with("class_embed_type", "projection"));
    refuses(
        "reverse_transformer_layers_per_block is missing",
        () -> sd1.with("transformer_layers_per_block", List.of(List.of(1), 1)));
    refuses(
        "AttnDownEncoderBlock2D",
        () ->
            AutoencoderKLConfig.of(Map.of("down_block_types", List.of("AttnDownEncoderBlock2D"))));
    refuses("latents_mean", () -> AutoencoderKLConfig.of(Map.of("latents_mean", List.of(1, 2))));
    refuses("scaling_factor", () -> AutoencoderKLConfig.of(Map.of("scaling_factor", 0)));
    refuses(
        "encoder_block_out_channels",
        () -> AutoencoderTinyConfig.of(Map.of("encoder_block_out_channels", List.of(8, 16, 8, 8))));
  }

  private static void refuses(String message, Runnable call) {
    SfumatoException e = assertThrows(SfumatoException.class, call::run);
    assertThat(e.getMessage()).contains(message);
    assertThat(e.getMessage()).doesNotContain("\n");
  }
}
