package dev.sfumato.pipeline;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sfumato.SfumatoException;
import dev.sfumato.hub.HubFixture;
import dev.sfumato.hub.ProgressListener;
import java.nio.file.Path;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What is not supported is refused before its weights are downloaded. */
class PipelineFilesTest extends HubFixture {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "model_index.json | {'_class_name': 'OddPipeline', 'unet': ['diffusers', 'OddNet']} | OddNet",
        "model_index.json | {'_class_name': 'OddPipeline', 'prior': ['diffusers', 'Prior']} | prior",
        "unet/config.json | {'sample_size': 8, 'down_block_types': ['OddBlock']} | down_block_types",
        "unet/config.json | [1] | must be a JSON object",
        "unet/config.json | {'_class_name': 'UNet2DConditionModel', 'attention_head_dim': [5]} | UNet2DModel",
        "scheduler/scheduler_config.json | {'_class_name': 'ScoreSdeVeScheduler'} | ScoreSdeVeScheduler",
        "model_index.json | {'_class_name': ['pipeline', 'Own'], 'prior': ['diffusers', 'Prior']} | prior",
      })
  void settingsComeFirst(String file, String content, String named) {
    hub.add(file, content.replace('\'', '"'));
    String message = assertThrows(SfumatoException.class, this::locate).getMessage();
    assertThat(message).contains(named);
    assertThat(hub.requests.stream().filter(r -> r.startsWith("GET") && r.contains("tensors")))
        .isEmpty();
  }

  private Path locate() {
    return online().locate("org/name", new PipelineFiles(), ProgressListener.NONE);
  }
}
