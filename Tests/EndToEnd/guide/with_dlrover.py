from dlrover.python.elastic_agent.master_client import MasterClient
from arobust.controller.diagnosis import DiagnosisAgent

# 使用 DLRover 的 Master Client
master_client = MasterClient.singleton_instance(
    master_addr="localhost:50051"
)

# 设置到 DiagnosisAgent
agent = DiagnosisAgent.singleton_instance()
agent.set_client(master_client)
