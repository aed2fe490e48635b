package dev.sfumato.cli;

import static com.google.common.truth.Truth.assertThat;

import dev.sfumato.pipeline.TinyStableDiffusion;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Files that {@code finetune} writes can be drawn with, and {@code inspect} names them. */
class FineTunedFilesTest {
  private static final String WORD =
      " --method textual-inversion --placeholder-token <x> --initializer-token a --vectors 2";

  @TempDir Path folder;

  @ParameterizedTest
  @CsvSource({
    "sd1, --lora-targets all --train-text-encoder, pytorch_lora_weights.safetensors, LoRA",
    "sd1, --lora-format kohya --train-text-encoder, run.safetensors, LoRA",
    "sd1, WORD, learned_embeds.safetensors, textual inversion",
    "sd1, --method full --train-text-encoder, '', StableDiffusionPipeline",
    "xl, --lora-targets all --train-text-encoder, pytorch_lora_weights.safetensors, LoRA",
    "xl, --lora-format kohya --train-text-encoder, run.safetensors, LoRA",
    "xl, WORD, learned_embeds.safetensors, textual inversion",
    "xl, --method full --train-text-encoder, '', StableDiffusionXLPipeline",
  })
  void eachIsDrawnWith(String family, String method, String file, String kind) throws IOException {
    Path model = TinyStableDiffusion.write(folder.resolve("model"), family);
    Path data = Calls.pictures(folder.resolve("data"), 4);
    Path output = folder.resolve("run");
    List<String> options =
        Calls.words(
            "finetune --model %s --data %s --output %s --resolution 16 --batch-size 2 --max-steps 2"
                + " --learning-rate 1e-2 --sample-count 0 --log csv "
                + method.replace("WORD", WORD),
            model,
            data,
            output);
    options.addAll(List.of("--instance-prompt", "a red <x>"));
    Calls.run(options).succeeds();
    Path result = output.resolve(file);
    assertThat(Calls.run("inspect %s", result).succeeds().out()).contains(kind);

    boolean whole = file.isEmpty();
    byte[] before = drawn(model, List.of());
    byte[] after =
        whole
            ? drawn(output, List.of())
            : drawn(
                model,
                List.of(
                    method.equals("WORD") ? "--textual-inversion" : "--lora", result.toString()));
    assertThat(after).isNotEqualTo(before);
  }

  private byte[] drawn(Path model, List<String> more) throws IOException {
    Path picture = folder.resolve("picture.png");
    List<String> options =
        Calls.words("sample --model %s --steps 2 --seed 1 --out %s", model, picture);
    options.addAll(List.of("--prompt", "a red <x>"));
    options.addAll(more);
    Calls.run(options).succeeds();
    return Files.readAllBytes(picture);
  }
}
