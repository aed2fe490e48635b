@echo off
rem Runs Sfumato from its unpacked archive. Not tested by us.
setlocal
for %%i in ("%~dp0..") do set "root=%%~fi"
set "java=java"
if defined JAVA_HOME set "java=%JAVA_HOME%\bin\java"
if not defined OPENBLAS_NUM_THREADS set "OPENBLAS_NUM_THREADS=1"
if not defined TORCH_CPP_LOG_LEVEL set "TORCH_CPP_LOG_LEVEL=FATAL"
"%java%" -XX:+UseSerialGC -Djava.awt.headless=true "-Dsfumato.root=%root%" --enable-native-access=ALL-UNNAMED -cp "%~dp0..\lib\*" dev.sfumato.cli.Sfumato %*
exit /b %ERRORLEVEL%
